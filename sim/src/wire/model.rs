//! The shapes of requests, as AWS publishes them: `model/SERVICE.json` holds what botocore's
//! service models say of the calls that are answered here. `tests/python/models.py` writes these
//! files, and a test holds them to botocore.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::protocol::Service;

/// The requests of one service.
#[derive(Debug, Deserialize)]
pub(super) struct Model {
    /// The name of each operation's request shape.
    pub(super) operations: BTreeMap<String, String>,
    shapes: BTreeMap<String, Shape>,
}

/// A shape.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Shape {
    Structure {
        #[serde(default)]
        members: BTreeMap<String, Reference>,
        #[serde(default)]
        required: Vec<String>,
    },
    List {
        member: Reference,
        #[serde(flatten)]
        bounds: Bounds,
    },
    Map {
        value: Reference,
    },
    String {
        #[serde(flatten)]
        bounds: Bounds,
        #[serde(default, rename = "enum")]
        allowed: Vec<String>,
    },
    #[serde(alias = "long")]
    Integer {
        #[serde(flatten)]
        bounds: Bounds,
    },
    #[serde(alias = "double")]
    Float {
        #[serde(flatten)]
        bounds: Bounds,
    },
    Boolean,
    Timestamp,
}

/// The least and the most: of a number itself, of a text's length, of a list's items.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Bounds {
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
}

/// Where one shape names another.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reference {
    shape: String,
    /// What it is called on the wire, where that differs.
    pub(super) location_name: Option<String>,
    /// What it is called in a request to EC2, where that differs.
    pub(super) query_name: Option<String>,
}

impl Model {
    /// The model of a service.
    pub(super) fn of(service: Service) -> &'static Self {
        static MODELS: LazyLock<Vec<Model>> = LazyLock::new(|| {
            // The files are part of this program, and a test reads each: this cannot fail.
            #[allow(clippy::expect_used, reason = "the files are part of this program")]
            Service::ALL.iter().map(|s| serde_json::from_str(s.model()).expect("a model can be read")).collect()
        });
        &MODELS[service as usize]
    }

    /// The request of an operation.
    pub(super) fn request(&self, operation: &str) -> Option<&Shape> {
        self.shapes.get(self.operations.get(operation)?)
    }

    /// The shape that a reference names. There is always one: the files are whole.
    pub(super) fn shape(&self, reference: &Reference) -> &Shape {
        &self.shapes[&reference.shape]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_can_be_read_and_is_whole() {
        for service in Service::ALL {
            let model = Model::of(service);
            for name in model.operations.keys() {
                assert!(model.request(name).is_some(), "{name}");
            }
            for shape in model.shapes.values() {
                match shape {
                    Shape::Structure { members, required } => {
                        members.values().for_each(|m| _ = model.shape(m));
                        assert!(required.iter().all(|r| members.contains_key(r)));
                    }
                    Shape::List { member, .. } => _ = model.shape(member),
                    Shape::Map { value } => _ = model.shape(value),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn the_calls_that_are_answered_are_those_of_the_models() {
        for service in Service::ALL {
            let mut calls: Vec<&str> = service.calls().iter().map(|(name, _)| *name).collect();
            calls.sort_unstable();
            assert_eq!(calls, Model::of(service).operations.keys().map(String::as_str).collect::<Vec<_>>());
        }
    }
}
