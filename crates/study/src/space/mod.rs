//! A search space: the parameters of a trial, what each may be, and under which choice it exists.
mod distribution;

pub use distribution::Distribution;
#[cfg(test)]
pub(crate) use distribution::tests::each as tests_each;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A parameter that is searched.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name: `optimizer.rate`.
    pub name: String,
    /// What it may be.
    pub distribution: Distribution,
    /// It exists only where another parameter is one of these; always where there is none.
    pub when: Option<Condition>,
}

/// That another parameter has one of several values.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The other parameter.
    pub parameter: String,
    /// Its values, as a person writes them.
    pub among: Vec<Value>,
}

/// The values of a trial's parameters, as Optuna stores them: a number itself, of a choice its place.
pub type Assignment = BTreeMap<String, f64>;

/// Parameters in an order in which each stands behind the one that it depends on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Space {
    parameters: Vec<Parameter>,
}

/// What is wrong with a space.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpaceError {
    /// It has no parameter.
    #[error("nothing is searched")]
    Empty,
    /// Two parameters have one name.
    #[error("`{parameter}` stands twice")]
    Twice {
        /// The name.
        parameter: String,
    },
    /// The lower end of a range lies above the upper one.
    #[error("`{parameter}`: the range from {low} to {high} is upside down")]
    UpsideDown {
        /// The parameter.
        parameter: String,
        /// Its lower end.
        low: f64,
        /// Its upper end.
        high: f64,
    },
    /// A logarithmic range that reaches 0 or below.
    #[error("`{parameter}`: a logarithmic range must begin above 0, not at {low}")]
    LogOverZero {
        /// The parameter.
        parameter: String,
        /// Its lower end.
        low: f64,
    },
    /// A step that is no step: 0, negative, or beside a logarithmic scale.
    #[error("`{parameter}`: the step {step} cannot be used")]
    Step {
        /// The parameter.
        parameter: String,
        /// The step.
        step: f64,
    },
    /// No value to choose from, or one that stands twice.
    #[error("`{parameter}` needs different values to choose from")]
    Choices {
        /// The parameter.
        parameter: String,
    },
    /// A condition on a parameter that is not searched.
    #[error("`{parameter}` depends on `{on}`, which is not searched")]
    UnknownCondition {
        /// The parameter.
        parameter: String,
        /// What it depends on.
        on: String,
    },
    /// A condition that no value meets.
    #[error("`{parameter}`: `{on}` is never {value}")]
    NeverMet {
        /// The parameter.
        parameter: String,
        /// What it depends on.
        on: String,
        /// The value that it never has.
        value: String,
    },
    /// Parameters that depend on each other in a circle.
    #[error("`{parameter}` depends on itself")]
    Circle {
        /// One of them.
        parameter: String,
    },
}

impl Space {
    /// A space of these parameters.
    ///
    /// # Errors
    /// [`SpaceError`]
    pub fn new(parameters: Vec<Parameter>) -> Result<Self, SpaceError> {
        if parameters.is_empty() {
            return Err(SpaceError::Empty);
        }
        let mut names = BTreeSet::new();
        for parameter in &parameters {
            if !names.insert(parameter.name.as_str()) {
                let parameter = parameter.name.clone();
                return Err(SpaceError::Twice { parameter });
            }
            parameter.distribution.check(&parameter.name)?;
        }
        for parameter in &parameters {
            check_condition(parameter, &parameters)?;
        }
        Ok(Space {
            parameters: in_order(parameters)?,
        })
    }

    /// The parameters, each behind the one that it depends on.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The parameter of this name.
    pub fn find(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|known| known.name == name)
    }

    /// The values that `choose` gives, asked for each parameter that exists under those chosen before.
    pub fn assign(&self, mut choose: impl FnMut(&Parameter) -> f64) -> Assignment {
        let mut assignment = Assignment::new();
        for parameter in &self.parameters {
            if self.exists(parameter, &assignment) {
                let value = choose(parameter);
                assignment.insert(parameter.name.clone(), value);
            }
        }
        assignment
    }

    /// Whether a parameter exists where the others have these values.
    pub fn exists(&self, parameter: &Parameter, assignment: &Assignment) -> bool {
        let Some(condition) = &parameter.when else {
            return true;
        };
        let on = self.find(&condition.parameter);
        let value = assignment.get(&condition.parameter);
        on.zip(value).is_some_and(|(on, value)| {
            let value = on.distribution.external(*value);
            condition.among.iter().any(|wanted| same(wanted, &value))
        })
    }
}

/// Whether two values are the same for a person: 1 and 1.0.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}

/// Whether a parameter's condition can be met.
fn check_condition(parameter: &Parameter, all: &[Parameter]) -> Result<(), SpaceError> {
    let Some(condition) = &parameter.when else {
        return Ok(());
    };
    let name = || parameter.name.clone();
    let Some(on) = all.iter().find(|other| other.name == condition.parameter) else {
        return Err(SpaceError::UnknownCondition {
            parameter: name(),
            on: condition.parameter.clone(),
        });
    };
    let never = |value: &Value| on.distribution.internal(value).is_none();
    match condition.among.iter().find(|value| never(value)) {
        Some(value) => Err(SpaceError::NeverMet {
            parameter: name(),
            on: condition.parameter.clone(),
            value: value.to_string(),
        }),
        None if condition.among.is_empty() => Err(SpaceError::NeverMet {
            parameter: name(),
            on: condition.parameter.clone(),
            value: "[]".to_owned(),
        }),
        None => Ok(()),
    }
}

/// The same parameters, each behind the one that it depends on, otherwise as they were.
fn in_order(mut left: Vec<Parameter>) -> Result<Vec<Parameter>, SpaceError> {
    let mut ordered: Vec<Parameter> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let ready = left.iter().position(|parameter| {
            let on = parameter.when.as_ref().map(|when| &when.parameter);
            on.is_none_or(|on| ordered.iter().any(|known| known.name == *on))
        });
        let Some(ready) = ready else {
            let parameter = left.swap_remove(0).name;
            return Err(SpaceError::Circle { parameter });
        };
        ordered.push(left.remove(ready));
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parameter(name: &str, distribution: Distribution, when: Option<(&str, Value)>) -> Parameter {
        Parameter {
            name: name.to_owned(),
            distribution,
            when: when.map(|(parameter, value)| Condition {
                parameter: parameter.to_owned(),
                among: vec![value],
            }),
        }
    }

    fn names() -> Distribution {
        Distribution::Categorical {
            choices: vec![json!("adam"), json!("sgd"), json!(1)],
        }
    }

    #[test]
    fn a_parameter_exists_under_its_condition_alone() {
        let whole = Distribution::whole(1, 3);
        let space = Space::new(vec![
            parameter("momentum", whole.clone(), Some(("name", json!("sgd")))),
            parameter("odd", whole, Some(("name", json!(1.0)))),
            parameter("name", names(), None),
        ])
        .unwrap();
        for (choice, wanted) in [
            (0.0, &["name"][..]),
            (1.0, &["momentum", "name"]),
            (2.0, &["name", "odd"]),
        ] {
            let chosen = space.assign(|parameter| match parameter.name.as_str() {
                "name" => choice,
                _ => 2.0,
            });
            assert!(chosen.keys().eq(wanted), "{chosen:?}");
        }
    }

    #[test]
    fn what_no_trial_could_have_is_refused() {
        let whole = || Distribution::whole(1, 3);
        let space = |parameters| Space::new(parameters).unwrap_err();
        assert_eq!(space(Vec::new()), SpaceError::Empty);
        let twice = vec![parameter("a", whole(), None), parameter("a", names(), None)];
        assert!(matches!(space(twice), SpaceError::Twice { .. }));
        let unknown = vec![parameter("a", whole(), Some(("b", json!(1))))];
        assert!(matches!(
            space(unknown),
            SpaceError::UnknownCondition { .. }
        ));
        let never = |value| {
            vec![
                parameter("a", whole(), Some(("b", value))),
                parameter("b", names(), None),
            ]
        };
        assert!(matches!(
            space(never(json!("sdg"))),
            SpaceError::NeverMet { .. }
        ));
        let circle = vec![
            parameter("a", whole(), Some(("b", json!(1)))),
            parameter("b", whole(), Some(("a", json!(1)))),
        ];
        assert!(matches!(space(circle), SpaceError::Circle { .. }));
    }
}
