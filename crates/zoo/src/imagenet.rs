//! The classes of ImageNet-1k (ILSVRC 2012, 1000 classes, in the order of their synsets) that are
//! dogs, and which of them are the 120 of Stanford Dogs.
use std::ops::RangeInclusive;

/// How many classes ImageNet-1k has.
pub const CLASSES: usize = 1000;

/// The classes that are domestic dogs (151 Chihuahua to 268 Mexican hairless, the dalmatian 251
/// among them) or wild dogs that Stanford Dogs counts in (273 dingo, 274 dhole, 275 African
/// hunting dog). Wolves and the coyote (269 to 272) are not.
const DOGS: [RangeInclusive<usize>; 2] = [151..=268, 273..=275];

/// Whether the class of this index shows a dog, in the sense of [`dog_classes`].
pub fn is_dog(class: usize) -> bool {
    DOGS.iter().any(|range| range.contains(&class))
}

/// The 121 classes that show a dog: Stanford Dogs' 120 and the dalmatian.
pub fn dog_classes() -> impl Iterator<Item = usize> {
    DOGS.into_iter().flatten()
}

/// The index in ImageNet-1k of each class of Stanford Dogs, in the order of its folders, which are
/// sorted by synset. All dog classes but the dalmatian (251).
pub fn stanford_classes() -> impl Iterator<Item = usize> {
    dog_classes().filter(|&class| class != 251)
}

/// The classes of Stanford Dogs in its order: `(synset, folder's name after the synset)`, as
/// `("n02085620", "Chihuahua")`.
pub fn stanford_names() -> impl Iterator<Item = (&'static str, &'static str)> {
    include_str!("../data/stanford_dogs.txt")
        .lines()
        .filter_map(|line| line.split_once('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many classes Stanford Dogs has.
    const STANFORD_CLASSES: usize = 120;

    #[test]
    fn the_classes_are_those_of_the_lists() {
        let classes: Vec<usize> = stanford_classes().collect();
        assert_eq!(classes.len(), STANFORD_CLASSES);
        assert_eq!(stanford_names().count(), STANFORD_CLASSES);
        assert_eq!(dog_classes().filter(|&class| is_dog(class)).count(), 121);
        let names: Vec<_> = stanford_names().collect();
        assert!(names.is_sorted());
        // ImageNet's own order is by synset too, so ends and gaps fix all the rest.
        let known = [
            (0, 151, "Chihuahua"),
            (99, 250, "Siberian_husky"),
            (100, 252, "affenpinscher"),
        ];
        let known_too = [
            (116, 268, "Mexican_hairless"),
            (117, 273, "dingo"),
            (119, 275, "African_hunting_dog"),
        ];
        for (index, class, name) in known.into_iter().chain(known_too) {
            assert_eq!((classes[index], names[index].1), (class, name));
        }
    }
}
