//! The three protocols: AWS JSON 1.1 (no service here speaks 1.0), AWS Query, and EC2's own Query.
//! Whatever a request came in, a service sees a JSON value with the members of its shape.

use axum::body::Body;
use axum::http::{HeaderMap, Response};
use serde_json::Value;

use super::answer::{json_refusal, xml_refusal};
use super::model::Model;
use super::params::{self, Params};
use super::{Handler, app_scaling, autoscaling, conform, ec2, ecs, elbv2, price_list, quotas, sts};
use crate::world::Refusal;

/// The services that are simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Ecs,
    ApplicationAutoScaling,
    Quotas,
    PriceList,
    Elbv2,
    AutoScaling,
    Ec2,
    Sts,
}

impl Service {
    pub(super) const ALL: [Self; 8] = [
        Self::Ecs,
        Self::ApplicationAutoScaling,
        Self::Quotas,
        Self::PriceList,
        Self::Elbv2,
        Self::AutoScaling,
        Self::Ec2,
        Self::Sts,
    ];

    /// As IAM names it: `ecs` in `ecs:ListServices`.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::ApplicationAutoScaling => "application-autoscaling",
            Self::Quotas => "servicequotas",
            Self::PriceList => "pricing",
            Self::Elbv2 => "elasticloadbalancing",
            Self::AutoScaling => "autoscaling",
            Self::Ec2 => "ec2",
            Self::Sts => "sts",
        }
    }

    /// The shapes of its requests.
    pub(super) fn model(self) -> &'static str {
        match self {
            Self::Ecs => include_str!("model/ecs.json"),
            Self::ApplicationAutoScaling => include_str!("model/application-autoscaling.json"),
            Self::Quotas => include_str!("model/service-quotas.json"),
            Self::PriceList => include_str!("model/pricing.json"),
            Self::Elbv2 => include_str!("model/elbv2.json"),
            Self::AutoScaling => include_str!("model/autoscaling.json"),
            Self::Ec2 => include_str!("model/ec2.json"),
            Self::Sts => include_str!("model/sts.json"),
        }
    }

    /// What it answers.
    pub(super) fn calls(self) -> &'static [(&'static str, Handler)] {
        match self {
            Self::Ecs => ecs::CALLS,
            Self::ApplicationAutoScaling => app_scaling::CALLS,
            Self::Quotas => quotas::CALLS,
            Self::PriceList => price_list::CALLS,
            Self::Elbv2 => elbv2::CALLS,
            Self::AutoScaling => autoscaling::CALLS,
            Self::Ec2 => ec2::CALLS,
            Self::Sts => sts::CALLS,
        }
    }

    /// The XML namespace of the Query services.
    pub(super) fn namespace(self) -> &'static str {
        match self {
            Self::Elbv2 => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
            Self::AutoScaling => "http://autoscaling.amazonaws.com/doc/2011-01-01/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            _ => "http://ec2.amazonaws.com/doc/2016-11-15/",
        }
    }

    /// How the service says what every service has to say at times.
    pub(super) fn throttled(self) -> Refusal {
        match self {
            Self::Ecs | Self::ApplicationAutoScaling | Self::PriceList => {
                Refusal::new("ThrottlingException", "Rate exceeded")
            }
            Self::Quotas => Refusal::new("TooManyRequestsException", "Rate exceeded"),
            Self::Elbv2 | Self::AutoScaling | Self::Sts => Refusal::new("Throttling", "Rate exceeded"),
            Self::Ec2 => Refusal::new("RequestLimitExceeded", "Request limit exceeded."),
        }
    }

    /// The code of a denied call.
    pub(super) fn denied(self) -> &'static str {
        match self {
            Self::Ecs | Self::ApplicationAutoScaling | Self::Quotas | Self::PriceList => "AccessDeniedException",
            Self::Elbv2 | Self::AutoScaling | Self::Sts => "AccessDenied",
            Self::Ec2 => "UnauthorizedOperation",
        }
    }

    /// The code of a parameter that does not fit.
    pub(super) fn invalid(self) -> &'static str {
        match self {
            Self::Ecs | Self::PriceList => "InvalidParameterException",
            Self::ApplicationAutoScaling => "ValidationException",
            Self::Quotas => "IllegalArgumentException",
            Self::Elbv2 | Self::AutoScaling | Self::Sts => "ValidationError",
            Self::Ec2 => "InvalidParameterValue",
        }
    }

    /// The code of a parameter that AWS knows and this simulator does not model.
    pub(super) fn unmodelled(self) -> &'static str {
        match self {
            Self::Ecs => "ClientException",
            Self::Ec2 => "UnsupportedOperation",
            _ => self.invalid(),
        }
    }

    /// The refusal of a token that no page ended with.
    pub(super) fn bad_token(self) -> Refusal {
        match self {
            Self::Ecs | Self::Elbv2 | Self::Sts => Refusal::new(self.invalid(), "Invalid token"),
            Self::ApplicationAutoScaling | Self::PriceList => {
                Refusal::new("InvalidNextTokenException", "The specified token is not valid")
            }
            Self::Quotas => Refusal::new("InvalidPaginationTokenException", "Invalid NextToken was provided."),
            Self::AutoScaling | Self::Ec2 => Refusal::new("InvalidNextToken", "The specified NextToken is not valid."),
        }
    }

    /// An action that this simulator does not have, as AWS answers one that it does not have.
    pub(super) fn unknown_action(self, name: &str) -> Refusal {
        if self.is_json() {
            Refusal::new("UnknownOperationException", format!("aws-sim does not have the action {name:?}"))
        } else {
            Refusal::new("InvalidAction", format!("The action {name} is not valid for this web service."))
        }
    }

    pub(super) fn is_json(self) -> bool {
        matches!(self, Self::Ecs | Self::ApplicationAutoScaling | Self::Quotas | Self::PriceList)
    }
}

/// A request, decoded.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) service: Service,
    /// Such as `ListServices`.
    pub(super) name: String,
    /// What it asks for, by the names of its shape; or why that cannot be read.
    pub(super) input: Result<Value, Refusal>,
    /// The request as text, for what only looks for names in it.
    pub(super) text: String,
}

impl Call {
    /// Such as `ecs:ListServices`.
    pub(super) fn action(&self) -> String {
        format!("{}:{}", self.service.prefix(), self.name)
    }
}

/// Which service and action a request is for. `Err` is an answer.
pub(super) fn decode(headers: &HeaderMap, body: &[u8]) -> Result<Call, Box<Response<Body>>> {
    match headers.get("x-amz-target").and_then(|t| t.to_str().ok()) {
        Some(target) => decode_json(target, body).map_err(|r| Box::new(json_refusal(&r))),
        None => decode_query(body).map_err(|r| Box::new(xml_refusal(Service::Ec2, &r))),
    }
}

fn decode_json(target: &str, body: &[u8]) -> Result<Call, Refusal> {
    let (prefix, name) = target.split_once('.').unwrap_or((target, ""));
    let service = match prefix {
        "AmazonEC2ContainerServiceV20141113" => Service::Ecs,
        "AnyScaleFrontendService" => Service::ApplicationAutoScaling,
        "ServiceQuotasV20190624" => Service::Quotas,
        "AWSPriceListService" => Service::PriceList,
        _ => {
            let what = format!("aws-sim does not know the target {target:?}");
            return Err(Refusal::new("UnknownOperationException", what));
        }
    };
    let body = if body.is_empty() { b"{}" } else { body };
    let input = serde_json::from_slice(body)
        .map_err(|e| Refusal::new("SerializationException", e.to_string()))
        .and_then(|input: Value| {
            let model = Model::of(service);
            let request = model.request(name).ok_or_else(|| service.unknown_action(name))?;
            conform::conform(model, request, &input)
        });
    let text = String::from_utf8_lossy(body).into_owned();
    Ok(Call { service, name: name.to_owned(), input, text })
}

fn decode_query(body: &[u8]) -> Result<Call, Refusal> {
    let params: Params = form_urlencoded::parse(body).into_owned().collect();
    let version = params.get("Version").map(String::as_str);
    let service = match version {
        Some("2015-12-01") => Service::Elbv2,
        Some("2011-01-01") => Service::AutoScaling,
        Some("2016-11-15") => Service::Ec2,
        Some("2011-06-15") => Service::Sts,
        _ => {
            let what = format!(
                "aws-sim speaks AWS JSON (an X-Amz-Target header) and AWS Query (Version 2015-12-01, 2011-01-01, 2016-11-15 or 2011-06-15); this request has Version {version:?}"
            );
            return Err(Refusal::new("InvalidAction", what));
        }
    };
    let name = params.get("Action").cloned().unwrap_or_default();
    let input = match Model::of(service).request(&name) {
        Some(request) => params::read(service, request, &params),
        // "MissingAction: The request is missing an action or a required parameter" (common errors).
        None if name.is_empty() => Err(Refusal::new("MissingAction", "The request must contain the parameter Action")),
        None => Err(service.unknown_action(&name)),
    };
    // Decoded, so that names can be looked for in it.
    let text = params.into_values().collect::<Vec<_>>().join("\n");
    Ok(Call { service, name, input, text })
}
