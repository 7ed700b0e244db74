//! Reads: their failures, and what stands in hand-written items.

use super::*;
use spotkeeper_core::switch::{Lever, Scope};

#[tokio::test]
async fn failures_of_a_read_have_their_names() {
    let cases = [
        ("ThrottlingException", "slow down", "Throttled: dynamodb:GetItem was throttled to the end"),
        ("ProvisionedThroughputExceededException", "", "Throttled: dynamodb:GetItem was throttled to the end"),
        (
            "AccessDeniedException",
            "no",
            "AccessDenied: the role may not call dynamodb:GetItem on table table, item run r",
        ),
        ("ResourceNotFoundException", "no table", "Absent: table table, item run r does not exist"),
        (
            "ValidationException",
            "bad key",
            "Unavailable: dynamodb:GetItem on table table, item run r failed: ValidationException: bad key",
        ),
    ];
    for (code, message, expected) in cases {
        let get = mock!(Client::get_item).then_error(move || GetItemError::generic(refused(code, message)));
        let error = state(&[&get]).run(&fixtures::run_id("r")).await.unwrap_err();
        assert_eq!(said(&error), expected);
    }
}

#[tokio::test]
async fn what_this_version_does_not_write_is_told_as_corrupt() {
    let read = |body: Option<&'static str>| {
        mock!(Client::get_item).then_output(move || {
            let mut there = item(&[("pk", text("run")), ("sk", text("r"))]);
            there.extend(body.map(|body| ("body".to_owned(), text(body))));
            GetItemOutput::builder().set_item(Some(there)).build()
        })
    };
    let cases = [
        (read(None), "CorruptState: item run r cannot be read back: it has no body"),
        (read(Some("{")), "CorruptState: item run r cannot be read back: EOF while parsing"),
        (
            read(Some(r#"{"id":"r","colour":1}"#)),
            "CorruptState: item run r cannot be read back: unknown field `colour`",
        ),
    ];
    for (rule, expected) in cases {
        let error = state(&[&rule]).run(&fixtures::run_id("r")).await.unwrap_err();
        assert!(said(&error).starts_with(expected), "{}", said(&error));
    }
}

#[tokio::test]
async fn the_epoch_is_read_before_the_entries() {
    // With the order turned round, a switch thrown in between would come with its new epoch and
    // without its entry.
    let epoch =
        mock!(Client::get_item).match_requests(|get| get.key().unwrap()["sk"] == text("epoch")).then_output(|| {
            GetItemOutput::builder().set_item(Some(item(&[("epoch", AttributeValue::N("4".to_owned()))]))).build()
        });
    let entries = mock!(Client::query).then_output(|| QueryOutput::builder().build());
    let read = state(&[&epoch, &entries]).switches().await.unwrap();
    assert_eq!((read.epoch, read.entries), (4, Vec::new()));

    let unreadable = mock!(Client::get_item)
        .then_output(|| GetItemOutput::builder().set_item(Some(item(&[("epoch", text("four"))]))).build());
    let error = state(&[&unreadable]).switches().await.unwrap_err();
    assert_eq!(said(&error), "CorruptState: item switch epoch cannot be read back: epoch is not a whole number");
}

#[test]
fn whatever_stands_in_a_switch_item_it_is_on() {
    let bare = SwitchEntry {
        reason: "(no reason given)".to_owned(),
        who: "(unknown)".to_owned(),
        set_at: Timestamp::UNIX_EPOCH,
        ..entry("cluster/prod", "")
    };
    let sk = ("sk", text("cluster/prod"));
    let all = || SwitchEntry { scope: Scope::All, ..bare.clone() };
    let cases = [
        ("the scope alone", item(std::slice::from_ref(&sk)), bare.clone()),
        (
            "everything",
            item(&[
                sk.clone(),
                ("reason", text("launch")),
                ("who", text("me")),
                ("set_at", text("2026-01-15T12:00:00Z")),
                ("until", text("2026-01-15T14:00:00+01:00")),
                ("preempt", AttributeValue::Bool(true)),
                ("unenrolled", text("True")),
                ("lever", text("Capacity")),
            ]),
            SwitchEntry {
                reason: "launch".to_owned(),
                who: "me".to_owned(),
                until: Some(time("2026-01-15T13:00:00Z")),
                preempt: true,
                unenrolled: true,
                lever: Lever::Capacity,
                ..entry("cluster/prod", "")
            },
        ),
        ("a time that is none", item(&[sk.clone(), ("until", text("tomorrow"))]), bare.clone()),
        ("a time in seconds", item(&[sk.clone(), ("until", AttributeValue::N("1".to_owned()))]), bare.clone()),
        ("an empty time", item(&[sk.clone(), ("until", text(""))]), bare.clone()),
        ("a null", item(&[sk.clone(), ("until", AttributeValue::Null(true))]), bare.clone()),
        ("a lever of old", item(&[sk.clone(), ("lever", text("strategy"))]), bare.clone()),
        ("a lever that is none", item(&[sk.clone(), ("lever", text("brake"))]), bare.clone()),
        ("a flag that is none", item(&[sk.clone(), ("preempt", text("maybe"))]), bare.clone()),
        (
            "a number for a reason",
            item(&[sk, ("reason", AttributeValue::N("7".to_owned()))]),
            SwitchEntry { reason: "7".to_owned(), ..bare.clone() },
        ),
        ("no scope", item(&[]), all()),
        ("an unknown scope", item(&[("sk", text("clusters/prod"))]), all()),
        ("a scope with a wrong name", item(&[("sk", text("cluster/pr od"))]), all()),
    ];
    for (name, item, expected) in cases {
        let read = switches::entry_of(&item);
        assert_eq!(read, expected, "{name}");
        assert!(name == "everything" || read.in_force(Timestamp::MAX), "{name}");
    }
}

#[test]
fn whatever_stands_in_a_dial_item_it_is_not_higher_than_it_was_meant() {
    let sk = ("sk", text("cluster/prod"));
    let percent = |value: AttributeValue| item(&[sk.clone(), ("percent", value)]);
    let number = |value: &str| AttributeValue::N(value.to_owned());
    let cases = [
        // name, item, scope, percent
        ("a number", percent(number("30")), "cluster/prod", 30),
        ("a text", percent(text(" 30 ")), "cluster/prod", 30),
        ("the most", percent(number("100")), "cluster/prod", 100),
        ("none", item(std::slice::from_ref(&sk)), "cluster/prod", 0),
        ("above all", percent(number("101")), "cluster/prod", 0),
        ("below nothing", percent(number("-1")), "cluster/prod", 0),
        ("a fraction", percent(number("12.5")), "cluster/prod", 0),
        ("with its sign", percent(text("30 %")), "cluster/prod", 0),
        ("a word", percent(text("thirty")), "cluster/prod", 0),
        ("a null", percent(AttributeValue::Null(true)), "cluster/prod", 0),
        ("no scope", item(&[("percent", number("30"))]), "all", 30),
        ("an unknown scope", item(&[("sk", text("clutser/prod")), ("percent", number("30"))]), "all", 30),
        ("a service", item(&[("sk", text("service/prod/web")), ("percent", number("30"))]), "cluster/prod", 30),
        ("an unknown field", item(&[sk.clone(), ("percentage", number("30"))]), "cluster/prod", 0),
    ];
    for (name, item, scope, percent) in cases {
        let read = dials::dial_of(&item);
        assert_eq!((read.scope.to_string().as_str(), u64::from(read.percent)), (scope, percent), "{name}");
        assert_eq!(read.until, None, "{name}");
    }
    let whole = dials::dial_of(&item(&[
        sk.clone(),
        ("percent", number("30")),
        ("reason", text("quarter end")),
        ("who", text("finops")),
        ("set_at", text("2026-01-15T12:00:00Z")),
        ("until", text("2026-01-15T14:00:00+01:00")),
    ]));
    let expected = spotkeeper_core::control::Dial {
        scope: spotkeeper_core::switch::Scope::parse("cluster/prod").unwrap(),
        percent: spotkeeper_core::units::Percent::saturating(30),
        reason: "quarter end".to_owned(),
        who: "finops".to_owned(),
        set_at: fixtures::now(),
        until: Some(time("2026-01-15T13:00:00Z")),
    };
    assert_eq!(whole, expected);
    let endless = dials::dial_of(&item(&[sk, ("percent", number("30")), ("until", text("tomorrow"))]));
    assert_eq!(endless.until, None, "an end that cannot be read is none");
}

/// The item that `docs/OPERATIONS.md` has people put is the dial that it says.
#[test]
fn the_dial_of_the_manual_is_read_as_it_is_meant() {
    let manual = include_str!("../../../../../../docs/OPERATIONS.md");
    let command = manual.split_once("dynamodb put-item").expect("the command").1;
    let given: serde_json::Value = serde_json::from_str(command.split('\'').nth(1).expect("its item")).unwrap();
    let attribute = |given: &serde_json::Value| match (given["S"].as_str(), given["N"].as_str()) {
        (Some(text), None) => AttributeValue::S(text.to_owned()),
        (None, Some(number)) => AttributeValue::N(number.to_owned()),
        other => panic!("{other:?}"),
    };
    let fields = given.as_object().unwrap().iter();
    let item: Item = fields.map(|(name, given)| (name.clone(), attribute(given))).collect();
    assert_eq!(item["pk"], text("dial"), "the partition that runs read");
    let expected = spotkeeper_core::control::Dial {
        scope: spotkeeper_core::switch::Scope::parse("cluster/prod").unwrap(),
        percent: spotkeeper_core::units::Percent::saturating(30),
        reason: "quarter end".to_owned(),
        who: "finops".to_owned(),
        set_at: time("2026-12-01T06:00:00Z"),
        until: Some(time("2027-01-02T06:00:00Z")),
    };
    assert_eq!(dials::dial_of(&item), expected);
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_is_a_mistaken_one() {
    let policy = async |error: fn() -> GetParameterError| {
        let rule = mock!(aws_sdk_ssm::Client::get_parameter)
            .match_requests(|get| get.name() == Some("/policy") && get.with_decryption() == Some(true))
            .then_error(error);
        let ssm = mock_client!(aws_sdk_ssm, [&rule]);
        DynamoState::with_clients(mock_client!(aws_sdk_dynamodb, []), ssm, TABLE, "/policy").policy().await
    };
    let denied = policy(|| GetParameterError::generic(refused("AccessDeniedException", "no"))).await.unwrap_err();
    assert_eq!(
        denied[0].to_string(),
        "/: the policy cannot be read: the role may not call ssm:GetParameter on parameter /policy"
    );
    let denied = policy(|| {
        let message = "User: u is not authorized to perform: kms:Decrypt on resource: key";
        GetParameterError::generic(refused("AccessDeniedException", message))
    });
    assert!(denied.await.unwrap_err()[0].problem.contains("the role may not call kms:Decrypt"));
    let outage = policy(|| GetParameterError::generic(refused("InternalServerError", "sorry"))).await.unwrap_err();
    assert_eq!(
        outage[0].to_string(),
        "/: the policy cannot be read: ssm:GetParameter on parameter /policy failed: InternalServerError: sorry"
    );
}
