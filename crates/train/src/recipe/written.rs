//! Values of a recipe that are written as text: each is read once, when the recipe is.
use crate::TrainError;
use data::split::ClassRequest;
use graph::{View, parse_views};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::Deref;
use vision::augment::Augmentation;
use vision::filters::Pipeline;
use zoo::Backbone;

/// A value with the text that it was written as, so that a recipe is written as it was read.
#[derive(Clone, Debug)]
pub struct Written<T> {
    text: String,
    value: T,
}

/// What is written as text.
pub trait FromText: Sized {
    /// The value of a text.
    ///
    /// # Errors
    /// What is wrong with the text, the recipe's key among it.
    fn from_text(text: &str) -> Result<Self, TrainError>;
}

impl<T: FromText> Written<T> {
    /// Reads a text.
    ///
    /// # Errors
    /// As [`FromText::from_text`].
    pub fn read(text: &str) -> Result<Self, TrainError> {
        let value = T::from_text(text)?;
        let text = text.to_owned();
        Ok(Written { text, value })
    }
}

impl<T> Written<T> {
    /// The text that it was written as.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl<T> Deref for Written<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> PartialEq for Written<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<T> Serialize for Written<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, T: FromText> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).map_err(serde::de::Error::custom)
    }
}

/// The small network's name among the backbones'.
pub(super) const LENET: &str = "lenet";

/// The family that a network is of.
#[derive(Clone, Copy)]
pub enum Architecture {
    /// The small network to train from scratch.
    LeNet,
    /// A backbone of the zoo.
    Backbone(&'static Backbone),
}

impl fmt::Debug for Architecture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Architecture::LeNet => LENET,
            Architecture::Backbone(backbone) => backbone.name,
        })
    }
}

impl FromText for Architecture {
    fn from_text(text: &str) -> Result<Self, TrainError> {
        if text == LENET {
            return Ok(Architecture::LeNet);
        }
        let found = zoo::find(text).map(Architecture::Backbone);
        found.ok_or_else(|| {
            let backbones = zoo::all().iter().map(|backbone| backbone.name);
            let known: Vec<&str> = [LENET].into_iter().chain(backbones).collect();
            TrainError::Unknown {
                what: "model.network",
                name: text.to_owned(),
                known: known.join(", "),
            }
        })
    }
}

/// Beginnings of layers' names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefixes(pub Vec<String>);

impl FromText for Prefixes {
    fn from_text(text: &str) -> Result<Self, TrainError> {
        let prefixes = text.split(',').map(str::trim);
        let prefixes = prefixes.filter(|prefix| !prefix.is_empty());
        Ok(Prefixes(prefixes.map(str::to_owned).collect()))
    }
}

impl FromText for Vec<View> {
    fn from_text(text: &str) -> Result<Self, TrainError> {
        Ok(parse_views(text)?)
    }
}

impl FromText for Pipeline {
    fn from_text(text: &str) -> Result<Self, TrainError> {
        text.parse().map_err(|source| TrainError::Steps {
            key: "preprocess.steps",
            source,
        })
    }
}

impl FromText for Augmentation {
    fn from_text(text: &str) -> Result<Self, TrainError> {
        Augmentation::parse(text).map_err(|source| TrainError::Steps {
            key: "augment.steps",
            source,
        })
    }
}

impl FromText for ClassRequest {
    fn from_text(text: &str) -> Result<Self, TrainError> {
        Ok(text.into())
    }
}
