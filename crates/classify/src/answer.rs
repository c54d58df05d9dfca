//! The answer to 'which breeds does this photo show': the JSON that the command line prints and the
//! API returns.
use serde::{Deserialize, Serialize};

/// What one photo, or several photos of one animal, show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Dog, unsure or no dog.
    pub answer: AnswerKind,
    /// Probability that there is a dog, 0 to 1.
    pub dog_probability: f32,
    /// The likeliest breeds, falling; calibrated, given that there is a dog; over all classes of
    /// the model the probabilities sum to 1.
    pub breeds: Vec<BreedGuess>,
    /// The type of breeds that photos cannot part, where several of it share the likeness: the answer
    /// is then the type, and the breeds are its likeliest.
    #[serde(default)]
    pub breed_type: Option<BreedType>,
    /// The group with most of the mass, where the answer is unsure.
    pub group: Option<Group>,
    /// Whether two breeds share the mass, so that a cross is likely.
    pub mixed: bool,
    /// Ids of breeds that the first one is easily taken for.
    pub look_alikes: Vec<String>,
    /// What must be said with the answer.
    pub notices: Vec<Notice>,
    /// What is wrong with the photo.
    pub quality: Vec<Quality>,
    /// The model that answered.
    pub model: ModelName,
    /// Time spent.
    pub milliseconds: Milliseconds,
}

/// The kind of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKind {
    /// A dog, of a breed that can be named.
    Dog,
    /// A dog, of a breed that cannot be told.
    Unsure,
    /// No dog.
    NotADog,
}

/// One breed with its probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BreedGuess {
    /// Stanford's synset for the default model, the class's own id otherwise.
    pub id: String,
    /// English name.
    pub name: String,
    /// French name, where known.
    pub name_fr: Option<String>,
    /// FCI group, where known.
    pub group: Option<String>,
    /// Whether it is a wild canid rather than a breed of dog.
    pub wild: bool,
    /// 0 to 1.
    pub probability: f32,
}

/// A group of breeds with its probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The group's id, as `words` has it.
    pub id: String,
    /// English name.
    pub name: String,
    /// French name.
    pub name_fr: String,
    /// The sum over its breeds, 0 to 1.
    pub probability: f32,
}

/// A type of breeds with its probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BreedType {
    /// The type's id, as `words` has it.
    pub id: String,
    /// English name.
    pub name: String,
    /// French name.
    pub name_fr: String,
    /// The ids of those of its breeds that the model knows, by falling probability.
    pub breeds: Vec<String>,
    /// The sum over them, 0 to 1.
    pub probability: f32,
}

/// What must be said with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// Looks like a type that French law may place in category 1 or 2: only a vet's examination
    /// decides.
    Category,
    /// A wild canid.
    Wild,
    /// A breed that is hardly ever met in France.
    Rare,
    /// A breed that is hardly ever met, by frequencies that a person gave.
    RareHere,
}

/// What is wrong with a photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Too dark.
    Dark,
    /// Out of focus or shaken.
    Blurred,
    /// Too few pixels.
    Tiny,
}

impl From<vision::Flaw> for Quality {
    fn from(flaw: vision::Flaw) -> Self {
        match flaw {
            vision::Flaw::Dark => Quality::Dark,
            vision::Flaw::Blurred => Quality::Blurred,
            vision::Flaw::Tiny => Quality::Tiny,
        }
    }
}

/// The model that answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelName {
    /// The package's name.
    pub name: String,
    /// The package's version.
    pub version: String,
}

/// Time spent on an answer, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Milliseconds {
    /// Reading and decoding the photo.
    pub decode: f32,
    /// Preparing the views and running the network.
    pub infer: f32,
}
