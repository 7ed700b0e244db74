//! What one look after the other says: waits, lost writes, and what ran before.

use super::{Answer, Drive, over, word};
use crate::fixtures;
use crate::observe::ContainerImage;
use crate::units::Seconds;
use crate::verify::Next;

/// Spot tasks that come one by one are no drought: the wait begins anew with each that runs.
#[test]
fn each_spot_task_that_comes_begins_the_wait_anew() {
    let mut drive = Drive::up();
    drive.update(Answer::Taken);
    drive.world.tasks(0, 2);
    drive.check();
    drive.pass(100);
    drive.world.tasks(1, 1);
    assert_eq!(drive.check().next, Next::Wait);
    drive.pass(119);
    assert_eq!(drive.check().next, Next::Wait, "219 s after the write, 119 s after a task has come");
    drive.pass(1);
    assert_eq!(drive.check().next, Next::FallBack);
}

/// AWS may still be at it: what somebody deploys meanwhile says nothing about our write.
#[test]
fn a_lost_write_is_waited_for_whatever_somebody_deploys() {
    let mut drive = Drive::up();
    drive.update(Answer::LostAndNotTaken);
    drive.pass(20);
    drive.world.deploy(over(2, 1), drive.now);
    drive.pass(279);
    assert_eq!(drive.check().next, Next::Wait);
    drive.pass(1);
    assert_eq!(drive.check().next, Next::Yield);

    let mut drive = Drive::up();
    drive.update(Answer::LostAndNotTaken);
    drive.record.written.as_mut().unwrap().confirmed = true;
    drive.pass(300);
    assert_eq!(drive.check().next, Next::Wait, "AWS said that it took it, and does not show it yet");
}

/// A strategy that was in place already, so long that ECS lists no service deployment of it any
/// more: the service alone says that it holds.
#[test]
fn what_was_in_place_before_needs_no_service_deployment() {
    for (age, expected) in [(61, Next::Stable), (60, Next::Wait)] {
        let mut drive = Drive::up();
        drive.policy.verify.dwell_seconds = Seconds(0);
        drive.world.deploy(over(1, 1), fixtures::at(-age));
        drive.world.finish();
        drive.world.deployments.clear();
        drive.update(Answer::Taken);
        assert_eq!(drive.sent, []);
        assert_eq!(drive.check().next, expected, "{age} s before the write");
    }
}

#[test]
fn a_container_is_compared_with_itself() {
    let image = |container: &str, digest: Option<&str>| ContainerImage {
        container: container.to_owned(),
        image: "app:latest".to_owned(),
        digest: digest.map(str::to_owned),
    };
    let mut drive = Drive::up();
    for revision in &mut drive.world.revisions {
        revision.images = vec![image("aside", None), image("app", Some("sha256:old"))];
    }
    drive.update(Answer::Taken);
    drive.world.revisions[0].images = vec![image("aside", None), image("app", Some("sha256:new"))];
    assert_eq!(word(&drive.check().verdict), "code changed");
}

/// The images before the first write are what counts; where they could not be read then, those of
/// the revision that is replaced.
#[test]
fn a_moved_tag_is_seen_against_what_ran_before() {
    for (name, kept, replaced) in [("kept", true, "sha256:new"), ("not kept", false, "sha256:old")] {
        let mut drive = Drive::up();
        drive.update(Answer::Taken);
        drive.world.revisions[0].images[0].digest = Some("sha256:new".to_owned());
        drive.world.revisions[1].images[0].digest = Some(replaced.to_owned());
        if !kept {
            drive.record.images_before.clear();
        }
        assert_eq!(word(&drive.check().verdict), "code changed", "{name}");
    }
}
