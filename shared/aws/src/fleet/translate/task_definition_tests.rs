use super::*;
use aws_sdk_ecs::types::{
    ContainerCondition, ContainerDependency, DockerVolumeConfiguration, EfsVolumeConfiguration, EnvironmentFile,
    EnvironmentFileType, FSxWindowsFileServerVolumeConfiguration, HostVolumeProperties, OsFamily, ResourceRequirement,
    RuntimePlatform, S3FilesVolumeConfiguration, Secret, builders::TaskDefinitionBuilder,
};
use spotkeeper_core::units::Seconds;

fn definition() -> TaskDefinitionBuilder {
    EcsTaskDefinition::builder().task_definition_arn("arn:td:1")
}

fn one(container: aws_sdk_ecs::types::builders::ContainerDefinitionBuilder) -> TaskDefinition {
    task_definition(&definition().container_definitions(container.name("web").build()).build()).unwrap()
}

fn holder() -> aws_sdk_ecs::types::builders::ContainerDefinitionBuilder {
    ContainerDefinition::builder()
}

#[test]
fn sizes_are_the_task_s_or_the_sum_of_its_containers() {
    let cases = [
        ("task sizes", definition().cpu("256").memory("512"), Some(256), Some(512)),
        ("with units", definition().cpu(".5 vCPU").memory("2 GB"), Some(512), Some(2_048)),
        ("nothing", definition(), None, None),
        (
            "container sizes",
            definition()
                .container_definitions(holder().cpu(100).memory(300).build())
                .container_definitions(holder().cpu(28).memory(400).memory_reservation(200).build()),
            Some(128),
            Some(500),
        ),
    ];
    for (name, given, cpu, memory) in cases {
        let actual = task_definition(&given.build()).unwrap();
        assert_eq!((actual.cpu, actual.memory), (cpu.map(CpuUnits), memory.map(MemoryMib)), "{name}");
    }
    assert!(task_definition(&definition().cpu("a lot").build()).is_err());
}

#[test]
fn volumes_are_told_apart() {
    let volume = || EcsVolume::builder().name("v");
    let host = |path: Option<&str>| HostVolumeProperties::builder().set_source_path(path.map(str::to_owned)).build();
    let efs = EfsVolumeConfiguration::builder().file_system_id("fs").build().unwrap();
    let fsx =
        FSxWindowsFileServerVolumeConfiguration::builder().file_system_id("fs").root_directory("/").build().unwrap();
    let s3 = S3FilesVolumeConfiguration::builder().file_system_arn("arn").build();
    let s3 = s3.unwrap_or_else(|error| panic!("{error}"));
    let cases = [
        ("nothing but a name", volume(), VolumeKind::Scratch),
        ("an empty host", volume().host(host(None)), VolumeKind::Scratch),
        ("an empty path", volume().host(host(Some(""))), VolumeKind::Scratch),
        ("a path", volume().host(host(Some("/var/data"))), VolumeKind::HostPath),
        (
            "Docker",
            volume().docker_volume_configuration(DockerVolumeConfiguration::builder().build()),
            VolumeKind::Docker,
        ),
        ("EFS", volume().efs_volume_configuration(efs), VolumeKind::Efs),
        ("FSx", volume().fsx_windows_file_server_volume_configuration(fsx), VolumeKind::Fsx),
        ("S3 Files", volume().s3files_volume_configuration(s3), VolumeKind::Unknown),
        ("EBS", volume().configured_at_launch(true), VolumeKind::EbsAtLaunch),
        ("not EBS", volume().configured_at_launch(false), VolumeKind::Scratch),
    ];
    for (name, given, expected) in cases {
        let actual = task_definition(&definition().volumes(given.build()).build()).unwrap();
        assert_eq!(actual.volumes, [Volume { name: "v".to_owned(), kind: expected }], "{name}");
    }
}

#[test]
fn only_ports_of_the_instance_are_static() {
    let mapping = |container: i32, host: Option<i32>| {
        PortMapping::builder().container_port(container).set_host_port(host).build()
    };
    let range = PortMapping::builder().container_port_range("8000-8002").build();
    let cases = [
        ("awsvpc", EcsNetworkMode::Awsvpc, mapping(80, Some(80)), vec![]),
        ("bridge, dynamic", EcsNetworkMode::Bridge, mapping(80, Some(0)), vec![]),
        ("bridge, not set", EcsNetworkMode::Bridge, mapping(80, None), vec![]),
        ("bridge, fixed", EcsNetworkMode::Bridge, mapping(80, Some(8080)), vec![8080]),
        ("bridge, a range is dynamic", EcsNetworkMode::Bridge, range.clone(), vec![]),
        ("host, not set", EcsNetworkMode::Host, mapping(80, None), vec![80]),
        ("host, 0", EcsNetworkMode::Host, mapping(80, Some(0)), vec![80]),
        ("host, a range", EcsNetworkMode::Host, range, vec![8000, 8001, 8002]),
        ("none", EcsNetworkMode::None, mapping(80, Some(80)), vec![]),
    ];
    for (name, mode, mapping, expected) in cases {
        let container = holder().name("web").port_mappings(mapping).build();
        let given = definition().network_mode(mode).container_definitions(container).build();
        assert_eq!(task_definition(&given).unwrap().containers[0].static_host_ports, expected, "{name}");
    }
    assert_eq!(task_definition(&definition().build()).unwrap().network_mode, NetworkMode::Bridge, "the default");
}

#[test]
fn containers_keep_what_draining_and_images_depend_on() {
    let plain = &one(holder().image("web:1")).containers[0];
    assert_eq!((plain.stop_timeout, plain.reads_at_start, plain.version_consistency_off), (None, false, false));
    let waits =
        ContainerDependency::builder().container_name("db").condition(ContainerCondition::Start).build().unwrap();
    let secret = Secret::builder().name("S").value_from("arn").build().unwrap();
    let full = &one(holder()
        .stop_timeout(90)
        .depends_on(waits)
        .secrets(secret)
        .version_consistency(VersionConsistency::Disabled))
    .containers[0];
    assert_eq!(full.stop_timeout, Some(Seconds(90)));
    assert_eq!(full.depends_on, ["db"]);
    assert!(full.reads_at_start && full.version_consistency_off);
    let file = EnvironmentFile::builder().value("arn").r#type(EnvironmentFileType::S3).build().unwrap();
    assert!(one(holder().environment_files(file)).containers[0].reads_at_start);
}

#[test]
fn platform_gpus_and_constraints() {
    let platform = |cpu: Option<CpuArchitecture>, os: Option<OsFamily>| {
        RuntimePlatform::builder().set_cpu_architecture(cpu).set_operating_system_family(os).build()
    };
    let plain = task_definition(&definition().build()).unwrap();
    assert_eq!((plain.architecture, plain.windows, plain.gpus), (Architecture::X8664, false, 0));
    assert!(plain.requires_compatibilities.is_empty());
    let windows = platform(None, Some(OsFamily::WindowsServer2022Core));
    assert!(task_definition(&definition().runtime_platform(windows).build()).unwrap().windows);
    let arm = platform(Some(CpuArchitecture::Arm64), Some(OsFamily::Linux));
    let arm = task_definition(&definition().runtime_platform(arm).build()).unwrap();
    assert_eq!((arm.architecture, arm.windows), (Architecture::Arm64, false));
    let gpu = ResourceRequirement::builder().value("2").r#type(ResourceType::Gpu).build().unwrap();
    assert_eq!(one(holder().resource_requirements(gpu)).gpus, 2);
    let constraint = TaskDefinitionPlacementConstraint::builder()
        .r#type(TaskDefinitionPlacementConstraintType::MemberOf)
        .expression("x")
        .build();
    let given = definition().requires_compatibilities(EcsCompatibility::Fargate).placement_constraints(constraint);
    let given = task_definition(&given.build()).unwrap();
    assert_eq!(given.requires_compatibilities, [Compatibility::Fargate]);
    assert_eq!(given.placement_constraints, [PlacementConstraint::MemberOf("x".to_owned())]);
}

#[test]
fn what_is_not_known_is_not_guessed() {
    let neuron = ResourceRequirement::builder().value("1").r#type(ResourceType::NeuronDevice).build().unwrap();
    let consistency = holder().version_consistency(VersionConsistency::from("maybe")).build();
    let cases = [
        ("a network mode", definition().network_mode(EcsNetworkMode::from("mesh")), "networkMode mesh"),
        (
            "a compatibility",
            definition().requires_compatibilities(EcsCompatibility::from("MOON")),
            "requiresCompatibilities MOON",
        ),
        (
            "an architecture",
            definition()
                .runtime_platform(RuntimePlatform::builder().cpu_architecture(CpuArchitecture::from("RISCV")).build()),
            "cpuArchitecture RISCV",
        ),
        (
            "an accelerator",
            definition().container_definitions(holder().resource_requirements(neuron).build()),
            "resourceRequirements[].type NeuronDevice",
        ),
        ("a consistency", definition().container_definitions(consistency), "versionConsistency maybe"),
        ("no ARN", definition().set_task_definition_arn(None), "no taskDefinitionArn"),
    ];
    for (name, given, expected) in cases {
        assert_eq!(task_definition(&given.build()), Err(NotUnderstood(expected.to_owned())), "{name}");
    }
}
