//! The data set that photos are drawn from, and what its classes are called.
use super::place::Place;
use crate::service::of_data_set;
use crate::site::{Failure, at};
use data::{Class, Dataset, Photo};
use vision::Limits;
use words::{Language, fold};

/// The photos to draw from.
pub(super) struct Draw {
    /// Before the page's own addresses: empty, or `/demo`.
    pub(super) base: String,
    pub(super) set: Dataset,
}

/// A class's id, as the model's labels have it.
pub(super) fn id(class: &Class) -> &str {
    class.breed.map_or(&class.folder, |breed| &breed.id)
}

/// A class's name, as the person would say it.
pub(super) fn name(class: &Class, language: Language) -> &str {
    class
        .breed
        .map_or(&class.folder, |breed| breed.name(language))
}

/// Every folded name that a person may give a class.
fn names(class: &Class) -> Vec<String> {
    class
        .breed
        .into_iter()
        .flat_map(|breed| breed.names())
        .chain([class.folder.as_str()])
        .map(fold)
        .collect()
}

impl Draw {
    /// The class that a person means: by any of its names, or by a part that only one class has.
    pub(super) fn meant(&self, guess: &str) -> Option<usize> {
        let guess = fold(guess);
        if guess.is_empty() {
            return None;
        }
        let names: Vec<Vec<String>> = self.set.classes().iter().map(names).collect();
        if let Some(exact) = names.iter().position(|names| names.contains(&guess)) {
            return Some(exact);
        }
        let mut near = (0..names.len()).filter(|&class| {
            names[class]
                .iter()
                .any(|name| name.contains(guess.as_str()))
        });
        match (near.next(), near.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        }
    }

    /// A photo's bytes, or why they cannot be read.
    pub(super) fn read(&self, photo: &Photo, limits: &Limits) -> Result<Vec<u8>, Failure> {
        of_data_set(&photo.path, self.set.read(photo, limits.bytes as u64))
    }

    /// Of a place in the game.
    pub(super) fn address(&self, state: Place) -> String {
        format!("{}?{}", self.page(), state.query())
    }

    /// Of the test page.
    pub(super) fn page(&self) -> String {
        at(&self.base, "")
    }
}
