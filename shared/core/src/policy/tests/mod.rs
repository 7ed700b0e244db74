//! The parser against many documents, and the docs against the schema.

mod docs;

use super::{MAX_BYTES, Mode, Policy, checked, parse, schema};
use crate::ids::{ClusterName, ProviderName, RunId, ServiceArn};
use crate::units::{Percent, Seconds};

/// The mistakes of a document, one a line.
fn mistakes(text: &str) -> Vec<String> {
    parse(text).map_or_else(|mistakes| mistakes.iter().map(ToString::to_string).collect(), |_| Vec::new())
}

#[test]
fn what_is_allowed_is_parsed() {
    let cases: [(&str, &str, Policy); 9] = [
        ("nothing", "", Policy::default()),
        ("a comment alone", "# to be written\n", Policy::default()),
        ("an empty object", "{}", Policy::default()),
        ("YAML", "mode: active", Policy { mode: Mode::Active, ..Policy::default() }),
        ("JSON with tabs", "{\n\t\"mode\":\t\"active\"\n}", Policy { mode: Mode::Active, ..Policy::default() }),
        (
            "a whole number written as a float, as JSON Schema has it",
            "api_rate_percent: 20.0",
            Policy { api_rate_percent: Percent::saturating(20), ..Policy::default() },
        ),
        ("nothing where nothing is allowed", "rules: {ec2_default_stop_timeout_seconds: null}", Policy::default()),
        (
            "a seconds value",
            "rules: {ec2_default_stop_timeout_seconds: 30}",
            Policy {
                rules: super::Rules { ec2_default_stop_timeout_seconds: Some(Seconds(30)), ..super::Rules::default() },
                ..Policy::default()
            },
        ),
        (
            "a name that looks like a number, in quotes",
            "clusters: ['0123']",
            Policy { clusters: vec![ClusterName::parse("0123").unwrap()], ..Policy::default() },
        ),
    ];
    for (name, text, expected) in cases {
        assert_eq!(parse(text), Ok(expected), "{name}");
    }
}

#[test]
fn aliases_and_merge_keys_are_followed() {
    let policy = parse("cluster_budgets:\n  a: &small {floor: 3}\n  b: {<<: *small, step_percent: 1}\n").unwrap();
    let of = |name: &str| policy.budget_of(&ClusterName::parse(name).unwrap()).clone();
    assert_eq!((of("a").floor, of("b").floor, of("b").step_percent.get(), of("c").floor), (3, 3, 1, 1));
}

#[test]
fn a_document_that_cannot_be_read_says_where() {
    let cases = [
        (
            "a key twice",
            "mode: active\nmode: dry_run\n",
            "duplicate mapping key `mode` is not allowed here at line 2, column 1",
        ),
        ("an open bracket", "clusters: [a\n", "unclosed bracket '[' at line 1, column 11"),
        ("a tag", "mode: !x active", "unsupported tag `!x` at line 1, column 10"),
        ("two documents", "mode: active\n---\nmode: dry_run\n", "document"),
        ("an alias to itself", "clusters: &a [*a]", "Recursive reference not allowed here at line 1, column 15"),
        ("not a number", "budget: {floor: .nan}", "`.nan` is not a finite number at line 1, column 17"),
        ("too deep", "[[[[[[[[[[[[[[[[[[[[[[[[[", "recursion limit exceeded"),
    ];
    for (name, text, expected) in cases {
        let mistakes = mistakes(text);
        assert_eq!(mistakes.len(), 1, "{name}: {mistakes:?}");
        assert!(mistakes[0].starts_with("/: cannot be read as YAML or JSON: "), "{name}: {mistakes:?}");
        assert!(mistakes[0].contains(expected) && !mistakes[0].contains('\n'), "{name}: {mistakes:?}");
    }
}

#[test]
fn a_document_that_grows_by_aliases_is_refused() {
    let bomb = "clusters: &a [a,a,a,a,a,a,a,a,a,a]\nx: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n\
                y: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nz: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n";
    let mistakes = mistakes(bomb);
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    assert!(mistakes[0].contains("too large or too complex"), "{mistakes:?}");
}

#[test]
fn a_document_has_8_kib_at_the_most() {
    let text = |bytes: usize| format!("{:#<bytes$}", "# ");
    assert_eq!(mistakes(&text(MAX_BYTES)), [""; 0]);
    assert_eq!(mistakes(&text(MAX_BYTES + 1)), ["/: is 8193 bytes long: an SSM parameter holds 8192 at the most"]);
}

#[test]
fn every_mistake_is_told_at_once_with_what_is_allowed() {
    let text = r#"
mode: on
enrolment: opt-in
api_rate_percent: 0
cluster:
  - prod
budget:
  ceiling_percent: 101
  floor: 1.5
  step_percent: yes
  service_percent: "30"
  tolerance: 5
cluster_budgets:
  a b: {}
  prod: {floor: -1}
  test: 5
rules:
  volumes: [efs]
  ec2_default_stop_timeout_seconds: 30s
  replaceable_blocks: "true"
clusters: [prod, "b c", 5]
pairs:
  - on_demand: od
  - spot
pace: ~
verify: {attempts: 0, poll_seconds: 99999999999999999999}
"#;
    let expected = [
        "/api_rate_percent: 0 is not allowed: write a whole number from 1 to 100",
        "/budget/ceiling_percent: 101 is not allowed: write a whole number from 0 to 100",
        "/budget/floor: 1.5 is not allowed: write a whole number from 0 to 100000",
        "/budget/service_percent: \"30\" is text: write a whole number from 0 to 100, without quotes",
        "/budget/step_percent: \"yes\" is not allowed: write a whole number from 0 to 100",
        "/budget/tolerance: there is no such field: /budget has ceiling_percent, step_percent, \
         service_percent, floor, tolerance_percent, blast_radius_percent, commitment_floor_vcpu",
        "/cluster: there is no such field: the document has mode, enrolment, clusters, budget, \
         control, windows, rules, pace, verify, pairs, cluster_budgets, api_rate_percent",
        "/cluster_budgets/a b: \"a b\" is not allowed as a name: an ECS cluster name has 1 to 255 letters, digits, \
         hyphens and underscores",
        "/cluster_budgets/prod/floor: -1 is not allowed: write a whole number from 0 to 100000",
        "/cluster_budgets/test: 5 is not allowed: write a group of the fields ceiling_percent, step_percent, service_percent, \
         floor, tolerance_percent, blast_radius_percent, commitment_floor_vcpu",
        "/clusters/1: \"b c\" is not allowed: an ECS cluster name has 1 to 255 letters, digits, hyphens and underscores",
        "/clusters/2: 5 is not text: write it in quotes; an ECS cluster name has 1 to 255 letters, digits, hyphens \
         and underscores",
        "/enrolment: \"opt-in\" is not allowed: write opt_in or opt_out",
        "/mode: \"on\" is not allowed: write dry_run or active",
        "/pace: is empty: write a group of the fields services_in_flight, moves_per_run, \
         restart_percent, rest_seconds, down_wave_percent, or leave the line out",
        "/pairs/0/spot: is missing, and has no default",
        "/pairs/1: \"spot\" is not allowed: write a group of the fields on_demand, spot",
        "/rules/ec2_default_stop_timeout_seconds: \"30s\" is not allowed: write a whole number from 0 to 3600",
        "/rules/replaceable_blocks: \"true\" is not allowed: write true or false",
        "/rules/volumes: a list is not allowed: write none or scratch or shared",
        "/verify/attempts: 0 is not allowed: write a whole number from 1 to 10",
        "/verify/poll_seconds: 1e+20 is not allowed: write a whole number from 1 to 600",
    ];
    let given = mistakes(text);
    for (given, expected) in given.iter().zip(expected) {
        assert_eq!(given, expected);
    }
    assert_eq!(given.len(), expected.len(), "{given:#?}");
}

#[test]
fn lists_and_large_numbers_say_what_is_allowed() {
    let clusters: Vec<String> = (0..201).map(|number| format!("c{number}")).collect();
    let cases = [
        (format!("clusters: [{}]", clusters.join(", ")), "/clusters: has 201 entries: at most 200 are allowed"),
        ("clusters: prod".to_owned(), "/clusters: \"prod\" is not allowed: write a list"),
        (
            "budget: {floor: 9007199254740993}".to_owned(),
            "/budget/floor: 9007199254740993 is not allowed: write a whole number from 0 to 100000",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(mistakes(&text), [expected]);
    }
}

/// The input of an execution is checked by its schema, too.
#[test]
fn an_input_says_what_is_allowed() {
    let input = serde_json::json!({ "switch": { "scope": "all", "state": "yes", "reasons": "launch", "until": 5 } });
    let mistakes = checked::<crate::interface::ExecutionInput>(input).unwrap_err();
    let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    let expected = [
        "/switch/reason: is missing, and has no default",
        "/switch/reasons: there is no such field: /switch has scope, state, reason, until, preempt, unenrolled, lever",
        "/switch/state: \"yes\" is not allowed: write on or off",
        "/switch/until: 5 is not allowed: write text",
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_contradicts_itself_is_told() {
    let cases: [(&str, &str, &[&str]); 10] = [
        (
            "a dwell beyond the deadline, and a poll, and a pause",
            "verify: {dwell_seconds: 60, max_deadline_seconds: 60, poll_seconds: 60, quarantine_seconds: 9, max_quarantine_seconds: 8}",
            &[
                "/verify/dwell_seconds: 60 s is not shorter than max_deadline_seconds (60 s): no move could be stable in time",
                "/verify/poll_seconds: 60 s is not shorter than max_deadline_seconds (60 s): a deadline could pass \
                 between two looks",
                "/verify/quarantine_seconds: 9 s is longer than max_quarantine_seconds (8 s)",
            ],
        ),
        ("a pause as long as the longest", "verify: {quarantine_seconds: 8, max_quarantine_seconds: 8}", &[]),
        ("a cluster twice", "clusters: [a, b, a]", &["/clusters/2: a stands already at /clusters/0"]),
        (
            "a budget of a cluster that is left out",
            "clusters: [a]\ncluster_budgets: {a: {}, b: {}}",
            &["/cluster_budgets/b: has a budget but is not among /clusters: add it there, or take the budget away"],
        ),
        ("a budget where every cluster is meant", "cluster_budgets: {b: {}}", &[]),
        (
            "both sides of a pair the same",
            "pairs: [{on_demand: x, spot: x}]",
            &["/pairs/0/spot: x stands already at /pairs/0/on_demand: a provider has one partner"],
        ),
        (
            "a provider with two partners",
            "pairs: [{on_demand: x, spot: y}, {on_demand: x, spot: z}]",
            &["/pairs/1/on_demand: x stands already at /pairs/0/on_demand: a provider has one partner"],
        ),
        (
            "a poor score that is a good one, and a pause",
            "control: {poor_score: 7, good_score: 7, dry_seconds: 9, max_dry_seconds: 8}",
            &[
                "/control/dry_seconds: 9 s is longer than max_dry_seconds (8 s)",
                "/control/poor_score: 7 is not below good_score (7)",
            ],
        ),
        ("a dry pause as long as the longest", "control: {dry_seconds: 8, max_dry_seconds: 8}", &[]),
        (
            "windows of two times, of none, of no place and of no length",
            "windows:
               - {name: two, ceiling_percent: 0, time_zone: UTC, weekly: {at: '08:30', for_minutes: 60},
                  once: {from: 2026-11-27T00:00, to: 2026-11-28T00:00}}
               - {name: none, ceiling_percent: 0, time_zone: Nowhere/None}
               - {name: short, ceiling_percent: 0, time_zone: Europe/Berlin,
                  once: {from: 2026-11-27T00:00, to: 2026-11-27T00:00}}
               - {name: good, ceiling_percent: 0, time_zone: Europe/Berlin,
                  once: {from: 2026-11-27T00:00, to: 2026-11-27T00:01}}",
            &[
                "/windows/0: needs either once or weekly",
                "/windows/1: needs either once or weekly",
                "/windows/1/time_zone: \"Nowhere/None\" is no time zone: write an IANA name, such as Europe/Berlin or UTC",
                "/windows/2/once/to: is not after from",
            ],
        ),
    ];
    for (name, text, expected) in cases {
        assert_eq!(mistakes(text), expected, "{name}");
    }
}

#[test]
fn many_mistakes_are_counted_and_long_values_cut() {
    let text: String = (0..60).map(|index| format!("field{index}: 1\n")).collect();
    let given = mistakes(&text);
    assert_eq!(given.len(), 51);
    assert_eq!(given[50], "/: has 10 more mistakes");
    let text: String = (0..50).map(|index| format!("field{index}: 1\n")).collect();
    assert_eq!(mistakes(&text).len(), 50, "of fifty, none is left out");
    let long = mistakes(&format!("mode: {}", "ä".repeat(500)));
    assert_eq!(long, [format!("/mode: \"{}…\" is not allowed: write dry_run or active", "ä".repeat(60))]);
}

#[test]
fn the_default_policy_is_allowed_by_its_own_schema() {
    let text = serde_json::to_string(&Policy::default()).unwrap();
    assert_eq!(parse(&text), Ok(Policy::default()));
}

#[test]
fn the_patterns_of_names_say_what_their_parsers_do() {
    let allowed = |schema: schemars::Schema, text: &str| {
        jsonschema::validator_for(schema.as_value()).unwrap().is_valid(&serde_json::json!(text))
    };
    let long = "x".repeat(256);
    for text in ["prod-eu_1", "", "a/b", "a b", "ä", "-", "a\n", "a.b:c", &long[1..], &long] {
        assert_eq!(allowed(schemars::schema_for!(ClusterName), text), ClusterName::parse(text).is_ok(), "{text:?}");
        assert_eq!(allowed(schemars::schema_for!(ProviderName), text), ProviderName::parse(text).is_ok(), "{text:?}");
        assert_eq!(allowed(schemars::schema_for!(RunId), text), RunId::parse(text).is_ok(), "{text:?}");
    }
    for text in [
        "arn:aws:ecs:eu-west-1:123456789012:service/prod/web",
        "arn:aws:ecs:::service/web",
        "arn:aws:ecs:x:y:cluster/a",
        "web",
    ] {
        assert_eq!(allowed(schemars::schema_for!(ServiceArn), text), ServiceArn::parse(text).is_ok(), "{text:?}");
    }
    assert_eq!(schema()["properties"]["api_rate_percent"]["maximum"], 100);
}
