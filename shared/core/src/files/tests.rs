//! Files as people write them, one thing varied at a time.

use serde_json::{Value, json};

use super::*;
use crate::units::Seconds;

/// A definition for Fargate that ECS takes, without a note.
fn fargate() -> Value {
    json!({
        "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{ "name": "app", "image": "web:1", "essential": true }],
    })
}

/// One for container instances.
fn ec2() -> Value {
    json!({
        "family": "web", "requiresCompatibilities": ["EC2"],
        "containerDefinitions": [{ "name": "app", "image": "web:1", "memory": 256 }],
    })
}

/// So many CPU units, and twice as much memory, of Windows.
fn windows(document: &mut Value, cpu: u32) {
    document["runtimePlatform"] = json!({ "operatingSystemFamily": "WINDOWS_SERVER_2022_CORE" });
    document["cpu"] = json!(cpu);
    document["memory"] = json!(cpu * 2);
}

fn all(notes: &[Note]) -> Vec<String> {
    notes
        .iter()
        .map(|note| {
            let problem = serde_json::to_value(&note.problem).unwrap();
            assert!(!note.to_string().is_empty());
            format!("{} {}", note.path, problem["problem"].as_str().unwrap())
        })
        .collect()
}

type Base = fn() -> Value;
type Vary = fn(&mut Value);
/// A row: its name, what it starts from, what it varies, every refusal as `path problem`.
type Row = (&'static str, Base, Vary, &'static [&'static str]);

#[rustfmt::skip]
const REFUSALS: &[Row] = &[
    ("good on Fargate", fargate, |_| {}, &[]),
    ("good on EC2", ec2, |_| {}, &[]),
    ("no family", fargate, |d| d["family"] = Value::Null, &[" missing"]),
    ("a family with a blank", fargate, |d| d["family"] = json!("a b"), &["/family bad_characters"]),
    ("a family of every kind of character", fargate, |d| d["family"] = json!("my_Web-1"), &[]),
    ("a family of 255 characters", fargate, |d| d["family"] = json!("x".repeat(255)), &[]),
    ("a family of 256 characters", fargate, |d| d["family"] = json!("x".repeat(256)), &["/family bad_characters"]),
    ("no containers", fargate, |d| d["containerDefinitions"] = json!([]), &[" missing"]),
    ("containers that are no list", fargate, |d| d["containerDefinitions"] = json!({}), &["/containerDefinitions wrong_type"]),
    ("a container that is no object", fargate, |d| d["containerDefinitions"][0] = json!("app"), &["/containerDefinitions/0 wrong_type", " missing"]),
    ("a container that is a function", fargate, |d| d["containerDefinitions"][0] = json!({ "Ref": "Container" }), &["/containerDefinitions/0 template_token", " missing"]),
    ("eleven containers", fargate, |d| {
        d["containerDefinitions"] = (0..11).map(|number| json!({ "name": format!("c{number}"), "image": "web" })).collect();
    }, &["/containerDefinitions too_many"]),
    ("ten containers", fargate, |d| {
        d["containerDefinitions"] = (0..10).map(|number| json!({ "name": format!("c{number}"), "image": "web" })).collect();
    }, &[]),
    ("no container name", fargate, |d| d["containerDefinitions"][0]["name"] = json!(""), &["/containerDefinitions/0/name missing"]),
    ("no image", fargate, |d| d["containerDefinitions"][0]["image"] = Value::Null, &["/containerDefinitions/0 missing"]),
    ("an empty image", fargate, |d| d["containerDefinitions"][0]["image"] = json!(""), &["/containerDefinitions/0/image missing"]),
    ("an image with a token", fargate, |d| d["containerDefinitions"][0]["image"] = json!("web:${TAG}"), &["/containerDefinitions/0/image template_token"]),
    ("a placeholder for an image", fargate, |d| d["containerDefinitions"][0]["image"] = json!("IMAGE_PLACEHOLDER"), &["/containerDefinitions/0/image template_token"]),
    ("a variable for memory", fargate, |d| d["memory"] = json!("$MEMORY"), &["/memory template_token"]),
    ("an image with a blank", fargate, |d| d["containerDefinitions"][0]["image"] = json!("my web"), &["/containerDefinitions/0/image bad_characters"]),
    ("the same name twice", fargate, |d| { let one = d["containerDefinitions"][0].clone(); d["containerDefinitions"].as_array_mut().unwrap().push(one); },
        &["/containerDefinitions/1 duplicate"]),
    ("nothing essential", fargate, |d| d["containerDefinitions"][0]["essential"] = json!(false), &[" no_essential"]),
    ("nothing essential, in text", fargate, |d| d["containerDefinitions"][0]["essential"] = json!("False"), &[" no_essential"]),
    ("essential, in text", fargate, |d| d["containerDefinitions"][0]["essential"] = json!("true"), &[]),
    ("a size that Fargate has not", fargate, |d| d["memory"] = json!("4096"), &[" no_fargate_size"]),
    ("no size on Fargate", fargate, |d| { d["cpu"] = Value::Null; d["memory"] = Value::Null; }, &[" missing", " missing"]),
    ("half a vCPU of Windows on Fargate", fargate, |d| windows(d, 512), &[" no_fargate_size"]),
    ("a vCPU of Windows on Fargate", fargate, |d| windows(d, 1024), &[]),
    ("two vCPU of Windows on Fargate", fargate, |d| windows(d, 2048), &[]),
    ("an empty size on EC2", ec2, |d| d["cpu"] = json!(""), &[]),
    ("a token for CPU", fargate, |d| d["cpu"] = json!("<CPU>"), &["/cpu template_token"]),
    ("CloudFormation's Ref for CPU", fargate, |d| d["cpu"] = json!({ "Ref": "Cpu" }), &["/cpu template_token"]),
    ("words for memory", fargate, |d| d["memory"] = json!("a lot"), &["/memory not_a_number"]),
    ("a negative stop timeout", ec2, |d| d["containerDefinitions"][0]["stopTimeout"] = json!(-1), &["/containerDefinitions/0/stopTimeout out_of_range"]),
    ("an empty stop timeout", ec2, |d| d["containerDefinitions"][0]["stopTimeout"] = json!(""), &[]),
    ("the longest stop timeout of 32 bits", ec2, |d| d["containerDefinitions"][0]["stopTimeout"] = json!(2_147_483_647_u32), &[]),
    ("a stop timeout beyond 32 bits", ec2, |d| d["containerDefinitions"][0]["stopTimeout"] = json!(2_147_483_648_u32), &["/containerDefinitions/0/stopTimeout out_of_range"]),
    ("a stop timeout in text beyond 32 bits", ec2, |d| d["containerDefinitions"][0]["stopTimeout"] = json!("2147483648"), &["/containerDefinitions/0/stopTimeout not_a_number"]),
    ("a stop timeout of 120 on Fargate", fargate, |d| d["containerDefinitions"][0]["stopTimeout"] = json!(120), &[]),
    ("a stop timeout of 121 on Fargate", fargate, |d| d["containerDefinitions"][0]["stopTimeout"] = json!(121), &["/containerDefinitions/0/stopTimeout out_of_range"]),
    ("a stop timeout of 1 on Fargate", fargate, |d| d["containerDefinitions"][0]["stopTimeout"] = json!(1), &["/containerDefinitions/0/stopTimeout out_of_range"]),
    ("a stop timeout of 300 on EC2", ec2, |d| d["containerDefinitions"][0]["stopTimeout"] = json!(300), &[]),
    ("bridge mode on Fargate", fargate, |d| d["networkMode"] = json!("bridge"), &[" not_on_fargate"]),
    ("no network mode on Fargate", fargate, |d| d["networkMode"] = Value::Null, &[" not_on_fargate"]),
    ("a network mode that is none", ec2, |d| d["networkMode"] = json!("carrier pigeon"), &["/networkMode not_one_of"]),
    ("a host path on Fargate", fargate, |d| d["volumes"] = json!([{ "name": "v", "host": { "sourcePath": "/data" } }]), &["/volumes/0 not_on_fargate"]),
    ("a host path on EC2", ec2, |d| d["volumes"] = json!([{ "name": "v", "host": { "sourcePath": "/data" } }]), &[]),
    ("a Docker volume on Fargate", fargate, |d| d["volumes"] = json!([{ "name": "v", "dockerVolumeConfiguration": {} }]), &["/volumes/0 not_on_fargate"]),
    ("two kinds of one volume", ec2, |d| d["volumes"] = json!([{ "name": "v", "dockerVolumeConfiguration": {}, "configuredAtLaunch": true }]), &["/volumes/0 too_many"]),
    ("a mount of no volume", ec2, |d| d["containerDefinitions"][0]["mountPoints"] = json!([{ "sourceVolume": "v" }]), &["/containerDefinitions/0/mountPoints/0 unknown_reference"]),
    ("volumes from nobody", ec2, |d| d["containerDefinitions"][0]["volumesFrom"] = json!([{ "sourceContainer": "x" }]), &["/containerDefinitions/0/volumesFrom/0 unknown_reference"]),
    ("waiting for nobody there", ec2, |d| d["containerDefinitions"][0]["dependsOn"] = json!([{ "containerName": "x", "condition": "START" }]),
        &["/containerDefinitions/0/dependsOn/0 unknown_reference"]),
    ("waiting for itself", ec2, |d| d["containerDefinitions"][0]["dependsOn"] = json!([{ "containerName": "app", "condition": "START" }]), &[" dependency_circle"]),
    ("waiting for the end of itself", ec2, |d| d["containerDefinitions"][0]["dependsOn"] = json!([{ "containerName": "app", "condition": "SUCCESS" }]),
        &["/containerDefinitions/0/dependsOn/0 condition_on_essential", " dependency_circle"]),
    ("waiting for health nobody checks", ec2, |d| d["containerDefinitions"] = json!([
        { "name": "app", "image": "web", "memory": 64, "dependsOn": [{ "containerName": "db", "condition": "HEALTHY" }] },
        { "name": "db", "image": "db", "memory": 64 },
    ]), &["/containerDefinitions/0/dependsOn/0 healthy_without_check"]),
    ("waiting for health that is checked", ec2, |d| d["containerDefinitions"] = json!([
        { "name": "app", "image": "web", "memory": 64, "dependsOn": [{ "containerName": "db", "condition": "HEALTHY" }] },
        { "name": "db", "image": "db", "memory": 64, "healthCheck": { "command": ["CMD", "true"] } },
    ]), &[]),
    ("waiting for an empty name", ec2, |d| d["containerDefinitions"][0]["dependsOn"] = json!([{ "containerName": "", "condition": "START" }]),
        &["/containerDefinitions/0/dependsOn/0 missing"]),
    ("no memory on EC2", ec2, |d| d["containerDefinitions"][0]["memory"] = Value::Null, &["/containerDefinitions/0 no_memory"]),
    ("less memory than reserved", ec2, |d| d["containerDefinitions"][0]["memoryReservation"] = json!(512), &["/containerDefinitions/0 reservation_above_limit"]),
    ("as much memory as reserved", ec2, |d| d["containerDefinitions"][0]["memoryReservation"] = json!(256), &[]),
    ("memory reserved, and a limit of 0", ec2, |d| { d["containerDefinitions"][0]["memory"] = json!(0); d["containerDefinitions"][0]["memoryReservation"] = json!(64); }, &[]),
    ("containers as large as the task", fargate, |d| d["containerDefinitions"][0]["cpu"] = json!(256), &[]),
    ("containers larger than the task", fargate, |d| d["containerDefinitions"][0]["cpu"] = json!(512), &[" containers_exceed_task"]),
    ("another host port in awsvpc", fargate, |d| d["containerDefinitions"][0]["portMappings"] = json!([{ "containerPort": 80, "hostPort": 8080 }]),
        &["/containerDefinitions/0/portMappings/0 host_port_differs"]),
    ("a port beyond the last", ec2, |d| d["containerDefinitions"][0]["portMappings"] = json!([{ "containerPort": 70_000 }]),
        &["/containerDefinitions/0/portMappings/0/containerPort out_of_range"]),
    ("the last port", ec2, |d| d["containerDefinitions"][0]["portMappings"] = json!([{ "containerPort": 65_535 }]), &[]),
    ("a hostname in awsvpc", fargate, |d| d["containerDefinitions"][0]["hostname"] = json!("web"), &["/containerDefinitions/0 not_in_mode"]),
    ("an empty hostname in awsvpc", fargate, |d| d["containerDefinitions"][0]["hostname"] = json!(""), &[]),
    ("no extra hosts in awsvpc", fargate, |d| d["containerDefinitions"][0]["extraHosts"] = json!({}), &[]),
    ("links in awsvpc", fargate, |d| d["containerDefinitions"][0]["links"] = json!(["db"]), &["/containerDefinitions/0 not_in_mode"]),
    ("privileged on Fargate", fargate, |d| d["containerDefinitions"][0]["privileged"] = json!(true), &["/containerDefinitions/0/privileged not_on_fargate"]),
    ("the host's processes on Fargate", fargate, |d| d["pidMode"] = json!("host"), &[" not_on_fargate"]),
    ("the task's own processes on Fargate", fargate, |d| d["pidMode"] = json!("task"), &[]),
    ("shared memory on Fargate", fargate, |d| d["ipcMode"] = json!("task"), &[" not_on_fargate"]),
    ("an empty ipcMode on Fargate", fargate, |d| d["ipcMode"] = json!(""), &[]),
    ("an accelerator on Fargate", fargate, |d| d["inferenceAccelerators"] = json!([{ "deviceName": "a", "deviceType": "eia2.medium" }]), &[" not_on_fargate"]),
    ("no accelerators on Fargate", fargate, |d| d["inferenceAccelerators"] = json!([]), &[]),
    ("constraints on Fargate", fargate, |d| d["placementConstraints"] = json!([{ "type": "memberOf", "expression": "x" }]), &[" not_on_fargate"]),
    ("a constraint without an expression", ec2, |d| d["placementConstraints"] = json!([{ "type": "memberOf" }]), &["/placementConstraints/0 missing"]),
    ("GPUs on Fargate", fargate, |d| d["containerDefinitions"][0]["resourceRequirements"] = json!([{ "type": "GPU", "value": "1" }]), &["/containerDefinitions/0 not_on_fargate"]),
    ("too little storage on Fargate", fargate, |d| d["ephemeralStorage"] = json!({ "sizeInGiB": 20 }), &["/ephemeralStorage/sizeInGiB out_of_range"]),
    ("a compatibility that is none", ec2, |d| d["requiresCompatibilities"] = json!(["LAMBDA"]), &["/requiresCompatibilities/0 not_one_of"]),
    ("a restart policy that is no object", ec2, |d| d["containerDefinitions"][0]["restartPolicy"] = json!("always"), &["/containerDefinitions/0/restartPolicy wrong_type"]),
];

#[test]
fn what_ecs_would_refuse_is_listed_with_its_place() {
    let mut sentences = String::new();
    for (name, base, vary, expected) in REFUSALS {
        let mut document = base();
        vary(&mut document);
        let refused = read_value(&document).refused;
        assert_eq!(all(&refused), *expected, "{name}");
        sentences += &format!("{name}\n");
        for note in &refused {
            sentences += &format!("    {note}\n");
        }
    }
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!("refusals", sentences) });
}

#[test]
fn where_a_number_cannot_be_read_there_is_no_definition() {
    #[rustfmt::skip]
    let cases: [(&str, Base, Vary, bool); 10] = [
        ("a good one", fargate, |_| {}, true),
        ("one that ECS would refuse, but that can be judged", fargate, |d| d["memory"] = json!("4096"), true),
        ("a token in a name", fargate, |d| d["family"] = json!("${FAMILY}"), true),
        ("a token for CPU", fargate, |d| d["cpu"] = json!("<CPU>"), false),
        ("a token for the mode", fargate, |d| d["networkMode"] = json!("{{mode}}"), false),
        ("a token for a stop timeout", fargate, |d| d["containerDefinitions"][0]["stopTimeout"] = json!("${STOP}"), false),
        ("a volume that is a text", fargate, |d| d["volumes"] = json!(["data"]), false),
        ("a dependency on nothing", fargate, |d| d["containerDefinitions"][0]["dependsOn"] = json!([{ "condition": "START" }]), false),
        ("CloudFormation's Ref for a dependency", fargate, |d| d["containerDefinitions"][0]["dependsOn"] = json!([{ "containerName": { "Ref": "Init" }, "condition": "START" }]), false),
        ("a token for the volumes", fargate, |d| d["volumes"] = json!({ "Fn::If": [] }), false),
    ];
    for (name, base, vary, expected) in cases {
        let mut document = base();
        vary(&mut document);
        let read = read_value(&document);
        assert_eq!(read.task_definition.is_some(), expected, "{name}");
        assert!(expected || !read.refused.is_empty(), "{name}: and it is said why");
    }
}

#[test]
fn every_form_of_a_file_reads_the_same() {
    let plain = read_value(&fargate());
    let definition = plain.task_definition.unwrap();
    let yaml = "family: web\nnetworkMode: awsvpc\nrequiresCompatibilities: [FARGATE]\ncpu: 256\nmemory: 0.5 GB\n\
                containerDefinitions:\n  - name: app\n    image: web:1\n";
    let template = "Resources:\n  Web:\n    Type: AWS::ECS::TaskDefinition\n    Properties:\n      Family: web\n      \
                    NetworkMode: awsvpc\n      RequiresCompatibilities: [FARGATE]\n      Cpu: .25 vcpu\n      \
                    Memory: '512'\n      ContainerDefinitions:\n        - Name: app\n          Image: web:1\n";
    let described = json!({ "taskDefinition": fargate(), "tags": [] }).to_string();
    let resource = json!({ "Type": "AWS::ECS::TaskDefinition", "Properties": fargate() }).to_string();
    let cases = [
        ("JSON", fargate().to_string()),
        ("described", described),
        ("YAML", yaml.to_owned()),
        ("a resource", resource),
        ("a template", template.to_owned()),
    ];
    for (name, text) in cases {
        let read = read(&text);
        assert_eq!(all(&read.refused), Vec::<String>::new(), "{name}");
        assert_eq!(read.task_definition, Some(definition.clone()), "{name}");
    }
}

#[test]
fn what_is_made_alike_is_noted() {
    let mut document = ec2();
    document["_comment"] = json!("by hand");
    document["pidMode"] = Value::Null;
    document["networkMode"] = json!("");
    document["containerDefinitions"][0]["cpu"] = json!("128");
    document["containerDefinitions"][0]["Memory"] = json!(64);
    document["containerDefinitions"][0]["secrets"] = Value::Null;
    let read = read_value(&document);
    assert_eq!(all(&read.refused), Vec::<String>::new());
    let expected = [
        "/_comment unknown_key",
        "/networkMode empty_text",
        "/containerDefinitions/0/Memory key_twice",
        "/containerDefinitions/0/cpu number_as_text",
    ];
    let mut found = all(&read.notes);
    found.sort();
    let mut expected: Vec<String> = expected.iter().map(|one| (*one).to_owned()).collect();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn the_parts_that_rules_ask_for_are_read() {
    let document = json!({
        "family": "web", "requiresCompatibilities": ["EC2"], "networkMode": "bridge",
        "runtimePlatform": { "cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX" },
        "volumes": [
            { "name": "a", "host": {} }, { "name": "b", "efsVolumeConfiguration": { "fileSystemId": "fs-1" } },
            { "name": "c", "configuredAtLaunch": true }, { "name": "d", "tapeVolumeConfiguration": {} },
            { "name": "e", "configuredAtLaunch": false },
        ],
        "containerDefinitions": [
            { "name": "app", "image": "web:1", "cpu": 256, "memory": 512, "memoryReservation": 256, "stopTimeout": 40,
              "portMappings": [{ "containerPort": 80, "hostPort": 8080 }, { "containerPort": 81, "hostPort": 0 }],
              "dependsOn": [{ "containerName": "init", "condition": "SUCCESS" }], "versionConsistency": "disabled" },
            { "name": "init", "image": "init:1", "essential": false, "memory": 128,
              "secrets": [{ "name": "KEY", "valueFrom": "arn" }], "resourceRequirements": [{ "type": "GPU", "value": "2" }] },
        ],
    });
    let read = read_value(&document);
    assert_eq!(all(&read.refused), Vec::<String>::new());
    let definition = read.task_definition.unwrap();
    assert_eq!(definition.cpu, Some(CpuUnits(256)));
    assert_eq!(definition.memory, Some(MemoryMib(384)));
    assert_eq!(definition.architecture, Architecture::Arm64);
    let kinds: Vec<VolumeKind> = definition.volumes.iter().map(|volume| volume.kind).collect();
    let expected =
        [VolumeKind::Scratch, VolumeKind::Efs, VolumeKind::EbsAtLaunch, VolumeKind::Unknown, VolumeKind::Scratch];
    assert_eq!(kinds, expected);
    assert_eq!(definition.gpus, 2);
    let [app, init] = definition.containers.as_slice() else { panic!("{:?}", definition.containers) };
    assert_eq!((app.stop_timeout, app.static_host_ports.as_slice()), (Some(Seconds(40)), [8080].as_slice()));
    assert_eq!(app.depends_on, ["init"]);
    assert!(app.version_consistency_off && init.reads_at_start);
}

#[test]
fn what_containers_do_not_say_is_not_known() {
    type Said = (Option<u64>, Option<u64>);
    let cases: [(&str, Vary, Said); 4] = [
        ("memory alone", |_| {}, (None, Some(256))),
        ("a reservation of 0", |d| d["containerDefinitions"][0]["memoryReservation"] = json!(0), (None, Some(256))),
        ("CPU of 0", |d| d["containerDefinitions"][0]["cpu"] = json!(0), (None, Some(256))),
        (
            "one of two says nothing of memory",
            |d| d["containerDefinitions"][1] = json!({ "name": "aside", "image": "aside:1", "cpu": 64 }),
            (Some(64), None),
        ),
    ];
    for (name, vary, (cpu, memory)) in cases {
        let mut document = ec2();
        document["containerDefinitions"].as_array_mut().unwrap().push(Value::Null);
        vary(&mut document);
        let read = read_value(&document).task_definition.unwrap();
        assert_eq!((read.cpu, read.memory), (cpu.map(CpuUnits), memory.map(MemoryMib)), "{name}");
    }
}

/// ECS takes 64 KiB of definition; a file may be four times that, with what is around it.
#[test]
fn files_are_read_up_to_the_limits_of_size() {
    let definition = |bytes: usize| {
        let mut document = fargate();
        document["tags"] = json!("");
        let spare = bytes - document.to_string().len();
        document["tags"] = json!("x".repeat(spare));
        document.to_string()
    };
    let blanks = |bytes: usize| format!("{}{}", fargate(), " ".repeat(bytes - fargate().to_string().len()));
    let cases = [
        ("the largest definition", definition(65_536), true),
        ("a byte more", definition(65_537), false),
        ("the largest file", blanks(262_144), true),
        ("a byte more around it", blanks(262_145), false),
    ];
    for (name, text, taken) in cases {
        let read = read(&text);
        assert_eq!(read.task_definition.is_some(), taken, "{name}");
        assert_eq!(all(&read.refused).iter().any(|one| one == " too_large"), !taken, "{name}");
    }
}

#[test]
fn what_is_quoted_of_a_file_is_cut() {
    let mut document = fargate();
    document["memory"] = json!("lots of it, ".repeat(10));
    let expected = Problem::NotANumber { text: "lots of it, ".repeat(10)[..80].to_owned() };
    assert_eq!(read_value(&document).refused, [Note { path: "/memory".to_owned(), problem: expected }]);
}

#[test]
fn what_cannot_be_read_is_refused_and_not_guessed() {
    let long = format!("{{\"family\": \"{}\"}}", "x".repeat(MAX_BYTES));
    let longer = "x".repeat(MAX_FILE_BYTES + 1);
    let deep = "[".repeat(100_000);
    let cases = [
        ("nothing", "", " wrong_type"),
        ("no JSON", "{", " not_readable"),
        ("no object", "[]", " wrong_type"),
        ("a number", "7", " wrong_type"),
        ("too long a definition", long.as_str(), " too_large"),
        ("too long a file", longer.as_str(), " too_large"),
        ("too deep", deep.as_str(), " not_readable"),
        ("a template without one", "{\"Resources\": {}}", "/Resources not_one_definition"),
    ];
    for (name, text, expected) in cases {
        let read = read(text);
        assert_eq!(read.task_definition, None, "{name}");
        assert_eq!(all(&read.refused), [expected], "{name}");
    }
}

#[test]
fn the_short_functions_of_cloudformation_are_not_guessed() {
    let yaml = "family: web\nrequiresCompatibilities: [EC2]\ncpu: !Ref Cpu\ncontainerDefinitions:\n  - name: app\n    \
                image: !Sub 'web:${Tag}'\n    memory: 64\n";
    let read = read(yaml);
    assert_eq!(read.task_definition, None);
    // A parser passes over the tags: what they leave is no number.
    assert_eq!(all(&read.refused), ["/cpu not_a_number", "/containerDefinitions/0/image template_token"]);
}

proptest::proptest! {
    /// Whatever a file holds, there is an answer: a definition, or the reason why there is none.
    #[test]
    fn any_text_gets_an_answer(text in "[ -~\n]{0,200}", at in 0_usize..200, with in "[ -~]{0,12}") {
        let mut cut = fargate().to_string();
        let at = at.min(cut.len());
        cut.replace_range(at..(at + with.len()).min(cut.len()), &with);
        for text in [text, cut] {
            let read = read(&text);
            proptest::prop_assert!(read.task_definition.is_some() || !read.refused.is_empty(), "{text}");
        }
    }
}
