//! IAM in front of the fleet. MiniStack enforces the roles in its own half; the simulator has none.
//! So this asks MiniStack's IAM what each function's role allows on the fleet, and stops the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response, StatusCode};

use crate::between::{Between, forward, function, operation};
use crate::signed;

/// Every action on the fleet, and a resource of the kind that it is about; `*` where it has none.
/// Source: the service authorization reference of each service.
const FLEET: [(&str, &str); 28] = [
    ("ecs:ListClusters", "*"),
    ("ecs:DescribeClusters", "arn:aws:ecs:us-east-1:000000000000:cluster/prod"),
    ("ecs:ListServices", "*"),
    ("ecs:DescribeServices", "arn:aws:ecs:us-east-1:000000000000:service/prod/web"),
    ("ecs:DescribeTaskDefinition", "*"),
    ("ecs:DescribeCapacityProviders", "arn:aws:ecs:us-east-1:000000000000:capacity-provider/prod-spot"),
    ("ecs:ListTasks", "*"),
    ("ecs:DescribeTasks", "arn:aws:ecs:us-east-1:000000000000:task/prod/0123456789"),
    ("ecs:DescribeContainerInstances", "arn:aws:ecs:us-east-1:000000000000:container-instance/prod/0123456789"),
    ("ecs:GetTaskProtection", "arn:aws:ecs:us-east-1:000000000000:task/prod/0123456789"),
    ("ecs:ListServiceDeployments", "arn:aws:ecs:us-east-1:000000000000:service/prod/web"),
    ("ecs:DescribeServiceDeployments", "arn:aws:ecs:us-east-1:000000000000:service-deployment/prod/web/0123456789"),
    ("ecs:DescribeServiceRevisions", "arn:aws:ecs:us-east-1:000000000000:service-revision/prod/web/0123456789"),
    ("ecs:UpdateService", "arn:aws:ecs:us-east-1:000000000000:service/prod/web"),
    ("elasticloadbalancing:DescribeTargetGroupAttributes", "*"),
    ("elasticloadbalancing:DescribeTargetHealth", "*"),
    ("autoscaling:DescribeAutoScalingGroups", "*"),
    (
        "autoscaling:UpdateAutoScalingGroup",
        "arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:0123:autoScalingGroupName/levered-spot",
    ),
    ("ec2:DescribeLaunchTemplateVersions", "*"),
    ("ec2:DescribeInstanceTypes", "*"),
    ("ec2:DescribeInstances", "*"),
    ("ec2:DescribeAvailabilityZones", "*"),
    ("ec2:GetSpotPlacementScores", "*"),
    ("application-autoscaling:DescribeScalableTargets", "*"),
    ("application-autoscaling:DescribeScheduledActions", "*"),
    ("servicequotas:GetServiceQuota", "arn:aws:servicequotas:us-east-1:000000000000:fargate/L-3032A538"),
    ("servicequotas:GetServiceQuota", "arn:aws:servicequotas:us-east-1:000000000000:ec2/L-1216C47A"),
    ("servicequotas:GetAWSDefaultServiceQuota", "*"),
];

/// The gate: what each function, by its `AWS_SDK_UA_APP_ID`, may not do.
pub(crate) struct Gate {
    url: String,
    denied: Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>,
    _between: Between,
}

impl Gate {
    /// A gate before the simulator, through which no function comes yet.
    pub(crate) fn before(simulator: &str) -> Gate {
        let between = Between::new();
        let denied: Arc<Mutex<BTreeMap<String, BTreeSet<String>>>> = Arc::default();
        let (to, known) = (simulator.to_owned(), Arc::clone(&denied));
        let url = between.listen(move |parts, body| pass(&to, &known.lock().unwrap(), parts, body));
        Gate { url, denied, _between: between }
    }

    /// Where the functions find the fleet.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Asks IAM what a role allows, for the function that has it.
    pub(crate) fn learn(&self, iam: &str, function: &str, role: &str) {
        let denied = FLEET.iter().filter(|(action, resource)| !allows(iam, role, action, resource));
        let denied = denied.map(|(action, _)| (*action).to_owned()).collect();
        self.denied.lock().unwrap().insert(function.to_owned(), denied);
    }
}

/// Whether IAM, asked alone, says that a role allows an action on a resource.
pub(crate) fn allows(iam: &str, role: &str, action: &str, resource: &str) -> bool {
    let role = format!("arn:aws:iam::000000000000:role/{role}");
    let parameters =
        [("PolicySourceArn", role.as_str()), ("ActionNames.member.1", action), ("ResourceArns.member.1", resource)];
    let answer = signed::iam(iam, "SimulatePrincipalPolicy", &parameters);
    assert!(answer.contains(&format!("<EvalActionName>{action}</EvalActionName>")), "{answer}");
    answer.contains("<EvalDecision>allowed</EvalDecision>")
}

fn pass(to: &str, denied: &BTreeMap<String, BTreeSet<String>>, parts: &Parts, body: &Bytes) -> Response<Body> {
    let operation = operation(parts, body);
    let known = FLEET.iter().find(|(action, _)| action.ends_with(&format!(":{operation}")));
    let function = function(&parts.headers).unwrap_or_default();
    let (Some((action, _)), Some(denied)) = (known, denied.get(&function)) else {
        let text = format!("{operation} of {function:?} is not known to the gate");
        return Response::builder().status(StatusCode::NOT_IMPLEMENTED).body(Body::from(text)).unwrap();
    };
    let mut parts = parts.clone();
    if denied.contains(*action) {
        parts.headers.insert("x-aws-sim-deny", HeaderValue::from_static("iam"));
    }
    forward(to, &parts, body)
}
