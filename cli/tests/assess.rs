//! `spotkeeper assess` as people run it, against a simulated account on the wire.

#![allow(clippy::unwrap_used, reason = "the helpers of a test, too")]

mod common;

use aws_sim::world::faults::Fault;
use common::{Account, commands, golden, on_terminal, spotkeeper, text, widest};
use serde_json::Value;

const ASSESS: [&str; 3] = ["assess", "--prices", "prices.yaml"];

#[test]
fn answers_are_those_of_the_golden_files() {
    let account = Account::start("account.yaml");
    let cases: [(&str, &[&str], &str); 4] = [
        ("assess-80.txt", &[], "80"),
        ("assess-160.txt", &["--verbose"], "160"),
        ("assess-shop-quiet-80.txt", &["--quiet", "--cluster", "shop"], "80"),
        ("assess.json", &["--output", "json"], "80"),
    ];
    for (name, more, columns) in cases {
        let output = account.run(&[&ASSESS, more].concat(), &[("COLUMNS", columns)]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{name}: {said}");
        assert_eq!(said.is_empty(), more.contains(&"--quiet"), "{name}: progress is told: {said}");
        let answer = text(&output.stdout);
        golden(name, &answer);
        if name.ends_with(".txt") {
            assert!(widest(&answer) <= columns.parse().unwrap(), "{name} is {} columns wide", widest(&answer));
        }
    }
}

/// What the file does not say comes from the price list and the Spot price history; what nobody says stays unknown.
#[test]
fn what_is_not_known_of_prices_stays_unknown() {
    let account = Account::start("account.yaml");
    let action = "pricing:GetProducts";
    // What of `api`, on groups, and of `web`, on Fargate, is at stake, and how often lists were asked.
    let stake = |arguments: &[&str], status: i32| {
        account.sim.with_world(|world| world.counters.calls.clear());
        let output = account.run(&[&["assess", "--quiet", "--output", "json"], arguments].concat(), &[]);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", text(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let services = answer["clusters"][0]["services"].as_array().unwrap().clone();
        let known = |name: &str| {
            let stake = &services.iter().find(|one| one["name"] == name).unwrap()["at_stake_per_hour"];
            stake.as_f64().is_some_and(|stake| stake > 0.0)
        };
        let calls = account.sim.with_world(|world| world.counters.calls.clone());
        let calls = [action, "ec2:DescribeSpotPriceHistory"].map(|name| calls.get(name).copied().unwrap_or_default());
        (known("api"), known("web"), calls, answer["unread"].clone())
    };
    let cases: [(&[&str], bool, bool, [u64; 2]); 5] = [
        // Fargate Spot is in no list of AWS's.
        (&[], true, false, [1, 1]),
        (&["--prices", "on-demand.yaml"], true, false, [0, 1]),
        (&["--prices", "fargate-spot.yaml"], true, true, [2, 1]),
        (&["--prices", "prices.yaml"], true, true, [0, 0]),
        // Dollars and euros do not go together.
        (&["--prices", "euros.yaml"], false, false, [0, 0]),
    ];
    for (arguments, api, web, calls) in cases {
        let (of_api, of_web, made, unread) = stake(arguments, 0);
        assert_eq!((of_api, of_web, made), (api, web, calls), "{arguments:?}: {unread}");
    }
    let fault = Fault::Deny { action: action.to_owned(), resource: String::new() };
    account.sim.with_world(|world| world.set_fault(fault, true, &[action])).unwrap();
    let (api, _, _, unread) = stake(&[], 4);
    assert!(!api && unread[0]["action"] == action && unread[0]["cause"] == "denied", "{unread}");
    assert!(stake(&["--prices", "prices.yaml"], 0).0, "nobody is asked in vain");
}

#[test]
fn what_is_denied_is_named_and_the_rest_is_shown() {
    let account = Account::start("account.yaml");
    let deny = |action: &str, on: bool| {
        let fault = Fault::Deny { action: action.to_owned(), resource: String::new() };
        account.sim.with_world(|world| world.set_fault(fault, on, &[action])).unwrap();
    };
    deny("elasticloadbalancing:DescribeTargetGroupAttributes", true);
    let output = account.run(&ASSESS, &[]);
    let answer = text(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{answer}");
    assert!(answer.contains("elasticloadbalancing:DescribeTargetGroupAttributes denied: allow it"), "{answer}");
    assert!(answer.contains("not known") && answer.contains("Cluster tools"), "{answer}");
    deny("elasticloadbalancing:DescribeTargetGroupAttributes", false);
    // Without the list of clusters nothing can go on, unless they are named.
    deny("ecs:ListClusters", true);
    let output = account.run(&ASSESS, &[]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0));
    assert_eq!(
        text(&output.stderr),
        "error: ecs:ListClusters on the clusters of the Region is denied: allow it in the policy of the role that you \
         use\n"
    );
    let named = account.run(&[&ASSESS[..], &["--cluster", "tools"]].concat(), &[]);
    assert_eq!(named.status.code(), Some(0), "{}", text(&named.stderr));
}

#[test]
fn what_keeps_the_account_from_being_used_is_told_in_a_sentence() {
    let account = Account::start("account.yaml");
    let other = ["assess", "--expect-account", "999999999999"];
    let (config, nowhere) = ("[profile there]\nregion = eu-west-1\n", "http://127.0.0.1:1");
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("config");
    std::fs::write(&file, config).unwrap();
    /// Arguments, environment, exit code, and what is said.
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], i32, &'a str);
    let cases: [Case<'_>; 8] = [
        (
            &other,
            &[],
            3,
            "this is account 123456789012 (arn:aws:sts::123456789012:assumed-role/aws-sim/session), not 999999999999: nothing was read or written",
        ),
        (&["assess", "--expect-account", "12"], &[], 2, "an account has twelve digits"),
        (&["assess"], &[("AWS_REGION", "")], 3, "no Region is set: give --region"),
        (&["assess", "--endpoint-url", nowhere], &[], 3, "AWS cannot be reached in eu-west-1: Connection refused"),
        (&["assess", "--profile", "nope"], &[], 3, "there are no AWS credentials: give --profile"),
        (
            &["assess", "--cluster", "nope"],
            &[],
            3,
            "cluster nope does not exist (in eu-west-1 of account 123456789012)",
        ),
        (&["assess", "--cluster", "no/pe"], &[], 2, "\"no/pe\" is not an ECS cluster name"),
        (&["assess", "--prices", "template.yaml"], &[], 2, "template.yaml is no file of prices"),
    ];
    for (arguments, environment, status, expected) in cases {
        let output = account.run(arguments, environment);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert_eq!(output.stdout.len(), 0, "{arguments:?}");
    }
    let mut without = account.environment();
    without.retain(|(name, _)| !name.contains("KEY"));
    let output = spotkeeper(&["assess"], &without);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3));
    assert!(said.starts_with("error: there are no AWS credentials") && said.lines().count() == 1, "{said}");
    let role = ["assess", "--role-arn", "arn:aws:iam::123456789012:role/x"];
    let said = text(&account.run(&role, &[]).stderr);
    assert!(said.contains("the role arn:aws:iam::123456789012:role/x cannot be taken: InvalidAction"), "{said}");
    // The Region comes from the profile where nobody else says it; its keys are not there.
    let mut of_profile = without.clone();
    of_profile.retain(|(name, _)| *name != "AWS_REGION");
    let file = file.display().to_string();
    of_profile.push(("AWS_CONFIG_FILE", &file));
    let said = text(&spotkeeper(&["assess", "--profile", "there"], &of_profile).stderr);
    assert!(said.starts_with("error: there are no AWS credentials"), "{said}");
}

/// An answer that is lost is asked for again, a few times; then it is told by its action.
#[test]
fn an_interrupted_network_is_told_by_what_was_asked() {
    let account = Account::start("account.yaml");
    let lose = |action: &str, times: u32| {
        let fault = Fault::LoseAnswer { action: action.to_owned(), times };
        account.sim.with_world(|world| world.set_fault(fault, true, &[action])).unwrap();
    };
    lose("ecs:ListClusters", 2);
    assert_eq!(account.run(&ASSESS, &[]).status.code(), Some(0), "two lost answers are asked for again");
    lose("ecs:ListClusters", 9);
    let output = account.run(&ASSESS, &[]);
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{said}");
    assert!(said.starts_with("error: ecs:ListClusters on the clusters of the Region failed: "), "{said}");
    assert!(said.lines().count() == 1 && !said.contains("DispatchFailure("), "{said}");
}

#[test]
fn an_account_without_clusters_may_be_the_wrong_region() {
    let account = Account::start("nothing.yaml");
    let output = account.run(&ASSESS, &[]);
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr);
    assert!(
        said.contains("there is no ECS cluster in eu-west-1 of account 123456789012: is it the right Region?"),
        "{said}"
    );
}

/// On a terminal it is one line that is written over and gone at the end, elsewhere a line a step.
#[test]
fn progress_is_drawn_on_a_terminal_and_told_elsewhere() {
    let account = Account::start("account.yaml");
    let drawn = |more: &[&str], environment: &[(&str, &str)]| {
        let environment = [account.environment().as_slice(), environment].concat();
        on_terminal(&[&ASSESS, more].concat(), &environment).ended()
    };
    let (line, colour, bold) = ("\r\u{1b}[Kread 2 of 2 clusters: 9 services, ", "\u{1b}[3", "\u{1b}[1m");
    let (said, status) = drawn(&[], &[]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains(line) && (said.contains(colour) || said.contains(bold)), "{said:?}");
    let (_, answer) = said.rsplit_once("\r\u{1b}[K").unwrap();
    assert!(answer.contains("Cluster shop") && !answer.contains("read 2 of 2"), "the line is gone: {said:?}");
    let (said, _) = drawn(&[], &[("NO_COLOR", "1")]);
    assert!(said.contains(line) && !said.contains(colour) && !said.contains(bold), "{said:?}");
    let (said, _) = drawn(&["--quiet"], &[]);
    assert!(!said.contains("read 2 of 2"), "{said:?}");
    let output = account.run(&ASSESS, &[]);
    let (said, told) = (text(&output.stdout), text(&output.stderr));
    assert!(told.ends_with(" calls\n") && told.lines().count() == 2, "{told}");
    assert!(!said.contains('\u{1b}') && !told.contains('\u{1b}'), "{said}{told}");
}

#[test]
fn ctrl_c_ends_a_look_at_once_and_says_so() {
    let account = Account::start("account.yaml");
    account.hold("ecs:DescribeServices", true, true);
    let mut terminal = on_terminal(&ASSESS, &account.environment());
    account.until_held();
    terminal.press_ctrl_c();
    let (said, status) = terminal.ended();
    assert_eq!(status, 130, "{said}");
    assert!(said.ends_with("error: interrupted: nothing was written\r\n"), "{said:?}");
    assert!(!said.contains("Cluster shop"), "{said:?}");
}

/// Every command of the page, and those of CLI.md that need an account, as they are written there.
#[test]
fn the_commands_of_the_docs_run() {
    let account = Account::start("account.yaml");
    let mut ran = 0;
    for page in ["CLI.md", "find-out-what-could-move.md"] {
        for (command, status) in commands(page).into_iter().filter(|(command, _)| command[0] == "assess") {
            let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
            let output = account.run(&arguments, &[]);
            assert_eq!(output.status.code(), Some(status), "{command:?}: {}", text(&output.stderr));
            ran += 1;
        }
    }
    assert!(ran >= 5, "only {ran} commands were found");
}
