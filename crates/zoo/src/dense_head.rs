//! The head of dense layers that a recipe puts on a network's features.
use crate::HEAD_LAYER;
use graph::{Activation, Graph, GraphError, NodeId, Op, ShapeFault};
use serde::{Deserialize, Serialize};

/// Dense layers on the last features: any number with an activation, then one with a unit for each
/// class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DenseHead {
    /// Whether feature maps are averaged before, rather than flattened.
    pub global_pooling: bool,
    /// Units of each layer before the classes'.
    #[serde(with = "one_or_several")]
    pub units: Vec<usize>,
    /// The share of the values before the classes' layer that is dropped while training.
    pub dropout: f32,
}

impl Default for DenseHead {
    fn default() -> Self {
        DenseHead {
            global_pooling: false,
            units: vec![64],
            dropout: 0.3,
        }
    }
}

/// One number, or a list of them: recipes had one layer before they could have several, and one is
/// still written as a number.
pub(crate) mod one_or_several {
    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Numbers {
        One(usize),
        Several(Vec<usize>),
    }

    pub fn serialize<S: Serializer>(numbers: &[usize], to: S) -> Result<S::Ok, S::Error> {
        match numbers {
            [one] => one.serialize(to),
            several => several.serialize(to),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<usize>, D::Error> {
        Ok(match Numbers::deserialize(from)? {
            Numbers::One(one) => vec![one],
            Numbers::Several(several) => several,
        })
    }
}

impl DenseHead {
    /// Puts the head on `features`, a feature map or a row; gives the logits. A name that a layer of
    /// the graph bears already gets a number.
    ///
    /// # Errors
    /// [`GraphError`] where a layer has no unit, or the dropout is no share.
    pub fn put(
        &self,
        graph: &mut Graph,
        features: NodeId,
        activation: Activation,
        classes: usize,
    ) -> Result<NodeId, GraphError> {
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(GraphError::Shape {
                name: "head".into(),
                op: "Dropout",
                inputs: Vec::new(),
                reason: ShapeFault::Dropout,
            });
        }
        let dense = |units| Op::Dense { units, bias: true };
        let mut x = features;
        if graph.node(x).shape().rank() > 1 {
            let (name, op) = match self.global_pooling {
                true => {
                    let keep_dimensions = false;
                    ("global_pool", Op::GlobalAveragePool { keep_dimensions })
                }
                false => ("flatten", Op::Flatten),
            };
            x = add(graph, name, op, x)?;
        }
        for (number, &units) in (1..).zip(&self.units) {
            x = add(graph, &format!("dense_{number}"), dense(units), x)?;
            let name = match number {
                1 => "dense_activation".to_owned(),
                _ => format!("dense_activation_{number}"),
            };
            x = add(graph, &name, Op::Activation(activation), x)?;
        }
        if self.dropout > 0.0 {
            let dropout = Op::Dropout {
                rate: self.dropout,
                per_sample: false,
            };
            x = add(graph, "dropout", dropout, x)?;
        }
        add(graph, HEAD_LAYER, dense(classes), x)
    }
}

/// Adds a layer under this name, or the first with a number that is free.
fn add(graph: &mut Graph, name: &str, op: Op, input: NodeId) -> Result<NodeId, GraphError> {
    let mut free = name.to_owned();
    let mut number = 2;
    while graph.find(&free).is_some() {
        free = format!("{name}_{number}");
        number += 1;
    }
    graph.add(free, op, &[input])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_layers_stand_on_any_features_and_no_name_is_taken_twice() {
        let head = DenseHead {
            global_pooling: true,
            units: vec![7, 5],
            dropout: 0.1,
        };
        let mut graph = Graph::new();
        let input = Op::Input {
            height: 4,
            width: 4,
            channels: 3,
        };
        let input = graph.add("input", input, &[]).unwrap();
        let relu = Activation::Relu;
        let logits = head.put(&mut graph, input, relu, 2).unwrap();
        let names: Vec<&str> = graph.nodes().iter().map(graph::Node::name).collect();
        let expected = [
            "input",
            "global_pool",
            "dense_1",
            "dense_activation",
            "dense_2",
            "dense_activation_2",
            "dropout",
            HEAD_LAYER,
        ];
        assert_eq!(names, expected);
        assert_eq!(graph.node(logits).shape().dimensions(), [2]);
        // On a row there is nothing to pool; a second head has names of its own.
        let again = head.put(&mut graph, logits, relu, 3).unwrap();
        assert_eq!(graph.nodes().len(), 8 + 6);
        assert_eq!(graph.node(again).name(), "predictions_2");
        for wrong in [
            DenseHead {
                units: vec![0],
                ..head.clone()
            },
            DenseHead {
                dropout: 1.0,
                ..head
            },
        ] {
            assert!(wrong.put(&mut graph, input, relu, 2).is_err(), "{wrong:?}");
        }
    }
}
