//! What the capacity lever adds to the roles: asked for as a switch turns a group, and as it is released.

use serde_json::{Value, json};

use super::{Scene, refusal, refused};
use crate::gate::allows;
use crate::signed;
use crate::world::{PATIENCE, until};

const UPDATE: &str = "autoscaling:UpdateAutoScalingGroup";
const GROUP: &str =
    "arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:0123:autoScalingGroupName/levered-spot";

impl Scene {
    /// A switch turns a group by the state machine with no more rights than the template gives; and each of the
    /// statements that it gives for that is needed.
    pub(super) fn the_lever_needs_what_it_is_given(&self) {
        // MiniStack knows no group's tags, so here none has the one that the statement asks for.
        let updater = self.role("Updater").to_owned();
        assert!(!allows(self.ministack.url(), &updater, UPDATE, GROUP), "a group without its tag may be updated");
        let mut of_updater = self.turns(&updater);
        for statement in of_updater["Statement"].as_array_mut().unwrap() {
            statement.as_object_mut().unwrap().remove("Condition");
        }
        self.put_turns("Updater", &of_updater);
        let switch = |state: &str| json!({ "scope": "cluster/levered", "state": state, "reason": "roles" });
        let mut on = switch("on");
        on["lever"] = json!("capacity");
        let turning = self.stack.start("lever-on", &json!({ "switch": on })).unwrap();
        until("the group was not turned", || {
            self.stack.bodies("turn").unwrap().iter().any(|turn| turn["taken_at"].is_string())
        });
        assert_eq!(self.denials(), "");

        let read = json!({ "run_id": "lever-on", "cluster": "levered" });
        let order = json!({ "cluster": "levered", "provider": "levered-spot", "way": "away" });
        let turn = json!({ "run_id": "lever-on", "turns": [order] });
        self.each_is_needed("Determiner", &read);
        self.each_is_needed("Updater", &turn);

        // What is written once is not written again: the way back asks for the right to write.
        self.put_turns("Updater", &without(&of_updater, UPDATE));
        let released = self.stack.run("lever-off", &json!({ "switch": switch("off") }), PATIENCE).unwrap();
        assert_eq!(released.status, "SUCCEEDED", "{} {}", released.error, released.cause);
        let said = self.log("Updater").join("\n");
        assert!(refusal(&said, UPDATE).is_some(), "Updater without {UPDATE} said {said}");
        self.put_turns("Updater", &of_updater);
        assert_eq!(self.stack.wait(&turning, PATIENCE).unwrap().status, "SUCCEEDED");
    }

    /// Each statement but the write's, which `the_lever_needs_what_it_is_given` takes away at another time.
    fn each_is_needed(&self, function: &'static str, input: &Value) {
        let whole = self.turns(self.role(function));
        let said = || {
            let before = self.log(function).len();
            let answer = self.invoke(function, input);
            let logged = self.log(function).into_iter().skip(before);
            std::iter::once(answer).chain(logged).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(refused(&said()), None, "{function} with its whole role");
        for statement in whole["Statement"].as_array().unwrap() {
            let action = statement["Action"].as_str().unwrap();
            if action == UPDATE {
                continue;
            }
            self.put_turns(function, &without(&whole, action));
            let said = said();
            assert!(refusal(&said, action).is_some(), "{function} without {action} said {said}");
        }
        self.put_turns(function, &whole);
    }

    fn turns(&self, role: &str) -> Value {
        let arguments = ["iam", "get-role-policy", "--role-name", role, "--policy-name", "turns"];
        self.stack.api.cli(&arguments).unwrap()["PolicyDocument"].clone()
    }

    /// Puts the statements for the lever in place of those that are there; IAM takes no policy without one.
    fn put_turns(&self, function: &str, policy: &Value) {
        let role = self.role(function);
        let (url, text) = (self.ministack.url(), policy.to_string());
        let of = [("RoleName", role), ("PolicyName", "turns")];
        match policy["Statement"].as_array().unwrap().is_empty() {
            true => signed::iam(url, "DeleteRolePolicy", &of),
            false => signed::iam(url, "PutRolePolicy", &[of[0], of[1], ("PolicyDocument", &text)]),
        };
        self.gate.learn(url, &function.to_lowercase(), role);
    }
}

/// A policy without the statement of an action.
fn without(policy: &Value, action: &str) -> Value {
    let mut less = policy.clone();
    less["Statement"].as_array_mut().unwrap().retain(|statement| statement["Action"] != action);
    less
}
