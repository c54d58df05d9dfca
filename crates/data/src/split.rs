//! Which photos are for training, validation and test; twins never stand on two sides.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tensor::Random;

use crate::class::class_name;
use crate::error::Error;
use crate::manifest::{Entry, Manifest};
use crate::part::Part;

/// How to split.
#[derive(Clone, Debug)]
pub struct SplitOptions {
    /// Keep the parts that the data set says. Else all photos are drawn anew.
    pub official: bool,
    /// The share of test photos, 0 to 1; not used with `official`.
    pub test: f64,
    /// The part of the other photos for validation, 0 to 1: cut from train.
    pub validation: f64,
    /// What decides the draw.
    pub seed: u64,
    /// The classes to keep; all where it is empty.
    pub classes: Vec<String>,
    /// The most photos of a class in each part.
    pub most: Option<usize>,
}

/// A data set with its parts, and what was left out for them.
#[derive(Clone, Debug)]
pub struct Splitted {
    /// The photos that stay, each with its part.
    pub manifest: Manifest,
    /// Paths of photos that were left out because a twin or the same animal is on another side.
    pub left_out: Vec<String>,
}

/// Which classes of a data set are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassRequest {
    /// All of them.
    All,
    /// That many, which are easily told apart, for a first small network.
    Count(usize),
    /// These, by folder, synset or breed.
    Names(Vec<String>),
}

impl From<&str> for ClassRequest {
    /// A number, or names joined by commas; all of an empty text.
    fn from(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() {
            return ClassRequest::All;
        }
        if let Ok(count) = text.parse() {
            return ClassRequest::Count(count);
        }
        let names = text.split(',').map(str::trim);
        let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
        // Commas alone name something, if nothing that there is.
        let names = if names.is_empty() { vec![text] } else { names };
        ClassRequest::Names(names.into_iter().map(str::to_owned).collect())
    }
}

/// The names of the classes of a request.
///
/// # Errors
/// A class that there is not, or more classes than there are.
pub fn choose_classes(manifest: &Manifest, request: &ClassRequest) -> Result<Vec<String>, Error> {
    let unknown = |name: &str| Error::UnknownClass {
        name: name.to_owned(),
        nearest: nearest_class(manifest, name),
    };
    let classes = manifest.classes();
    let names = match request {
        ClassRequest::All => {
            let all = classes.iter().map(|class| class.folder.clone());
            return Ok(all.collect());
        }
        ClassRequest::Count(count) => return few_classes(manifest, *count),
        ClassRequest::Names(names) => names,
    };
    let mut chosen: Vec<String> = (names.iter())
        .map(|name| class_of(manifest, name).ok_or_else(|| unknown(name)))
        .collect::<Result<_, _>>()?;
    // Two names of one class are one wish.
    let mut seen = BTreeSet::new();
    chosen.retain(|name| seen.insert(name.clone()));
    Ok(chosen)
}

/// So many classes that are easily told apart; the largest of a data set of which that is not known.
fn few_classes(manifest: &Manifest, count: usize) -> Result<Vec<String>, Error> {
    let classes = manifest.classes();
    let ids = SMALL_SETS
        .get(..count)
        .filter(|ids| !ids.is_empty())
        .filter(|ids| ids.iter().all(|id| class_of(manifest, id).is_some()));
    if let Some(ids) = ids {
        return Ok(ids.iter().filter_map(|id| class_of(manifest, id)).collect());
    }
    // Another data set, or more classes: the largest, by name where equal.
    if count == 0 || count > classes.len() {
        return Err(Error::ClassCount {
            wanted: count,
            classes: classes.len(),
        });
    }
    let mut sizes = vec![0usize; classes.len()];
    for entry in manifest.all_entries() {
        sizes[entry.class] += 1;
    }
    let mut order: Vec<usize> = (0..classes.len()).collect();
    order.sort_by_key(|&class| (std::cmp::Reverse(sizes[class]), class));
    let mut chosen: Vec<String> = order[..count]
        .iter()
        .map(|&class| classes[class].folder.clone())
        .collect();
    chosen.sort();
    Ok(chosen)
}

/// Five breeds of Stanford Dogs that differ in size, coat and shape: Chihuahua, golden retriever,
/// pug, Siberian husky, standard poodle.
const SMALL_SETS: [&str; 5] = [
    "n02085620",
    "n02099601",
    "n02110958",
    "n02110185",
    "n02113799",
];

/// The class that a name means.
pub(crate) fn class_of(manifest: &Manifest, name: &str) -> Option<String> {
    let classes = manifest.classes();
    let spelled = class_name(name);
    let exact = classes.iter().find(|class| class.folder == spelled);
    let breed = || {
        let breed = crate::breed_of_folder(name)?;
        classes
            .iter()
            .find(|class| class.breed.is_some_and(|own| own.id == breed.id))
    };
    exact.or_else(breed).map(|class| class.folder.clone())
}

/// The name of a class, of all that [`class_of`] understands, that is the nearest to this one, where one is near.
fn nearest_class(manifest: &Manifest, name: &str) -> Option<String> {
    let names = manifest.classes().iter().flat_map(|class| {
        let breed = class.breed.into_iter().flat_map(words::Breed::names);
        std::iter::once(class.folder.as_str()).chain(breed)
    });
    let folded: Vec<(String, &str)> = names.map(|name| (words::fold(name), name)).collect();
    let known = folded.iter().map(|(folded, name)| (folded.as_str(), *name));
    words::nearest(&words::fold(name), known).map(str::to_owned)
}

/// Splits a data set. `twins` are pairs of photos that show the same picture, as indices into
/// [`Manifest::all_entries`]; photos of one `group` belong together too.
///
/// With `official`, what is held out for the test stays whole, so that results compare with others';
/// photos of train and val that have a twin there are left out, and those of train with a twin in
/// val. Else each part takes whole families, class by class.
pub fn split(manifest: &Manifest, twins: &[(usize, usize)], options: &SplitOptions) -> Splitted {
    let entries = manifest.all_entries();
    let families = families(entries, twins);
    let wanted: BTreeSet<&str> = options.classes.iter().map(String::as_str).collect();
    let kept: Vec<usize> = (0..entries.len())
        .filter(|&index| wanted.is_empty() || wanted.contains(manifest.class_name(&entries[index])))
        .collect();
    let mut parts: Vec<Part> = entries.iter().map(|entry| entry.part).collect();
    if options.official {
        for &index in &kept {
            if parts[index] == Part::Unsaid {
                parts[index] = Part::Train;
            }
        }
    } else {
        for &index in &kept {
            parts[index] = Part::Train;
        }
        draw(
            entries,
            &kept,
            &families,
            &mut parts,
            options.test,
            Part::Test,
            options.seed,
        );
    }
    let has_validation = kept.iter().any(|&index| parts[index] == Part::Validation);
    if options.validation > 0.0 && !has_validation {
        let train: Vec<usize> = kept
            .iter()
            .copied()
            .filter(|&index| parts[index] == Part::Train)
            .collect();
        // Another stream than that of the test.
        let seed = options.seed ^ 0x76_616c;
        draw(
            entries,
            &train,
            &families,
            &mut parts,
            options.validation,
            Part::Validation,
            seed,
        );
    }

    // A family with a photo in test gives nothing to the other parts, one with a photo in val
    // nothing to train.
    let rank = |part: Part| match part {
        Part::Test => 2,
        Part::Validation => 1,
        Part::Train | Part::Unsaid => 0,
    };
    let mut highest: HashMap<usize, u8> = HashMap::new();
    for &index in &kept {
        let own = highest.entry(families[index]).or_default();
        *own = (*own).max(rank(parts[index]));
    }
    let (stay, out): (Vec<usize>, Vec<usize>) = kept
        .into_iter()
        .partition(|&index| rank(parts[index]) == highest[&families[index]]);
    let mut chosen: Vec<Entry> = stay
        .into_iter()
        .map(|index| Entry {
            part: parts[index],
            ..entries[index].clone()
        })
        .collect();
    if let Some(most) = options.most {
        chosen = at_most(chosen, most, options.seed);
    }
    Splitted {
        left_out: out
            .into_iter()
            .map(|index| entries[index].path.clone())
            .collect(),
        manifest: manifest.with(chosen),
    }
}

/// Moves about this share of each class's photos, family by family in a random order, to a part.
fn draw(
    entries: &[Entry],
    among: &[usize],
    families: &[usize],
    parts: &mut [Part],
    share: f64,
    part: Part,
    seed: u64,
) {
    let mut members: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut by_class: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &index in among {
        members.entry(families[index]).or_default().push(index);
        by_class
            .entry(entries[index].class)
            .or_default()
            .push(index);
    }
    let mut drawn: HashMap<usize, usize> = HashMap::new();
    for (class, mut own) in by_class {
        let size = own.len();
        // A class of one photo keeps it for fitting.
        let wanted = ((size as f64 * share).round() as usize).min(size.saturating_sub(1));
        // By what the photos are, not by how a folder lists them.
        own.sort_by_key(|&index| *entries[index].hash.as_bytes());
        Random::new(seed, 0, class as u64).shuffle(&mut own);
        for index in own {
            let family = &members[&families[index]];
            let of_class = |index: &&usize| entries[**index].class == class;
            let count = family.iter().filter(of_class).count();
            let so_far = drawn.get(&class).copied().unwrap_or_default();
            if parts[index] == part || so_far + count > wanted {
                continue;
            }
            for &member in family {
                parts[member] = part;
                *drawn.entry(entries[member].class).or_default() += 1;
            }
        }
    }
}

/// Cuts some photos, indices into [`Manifest::all_entries`], into `count` folds with about as many of
/// each class in each, and gives each photo's fold in the order of `among`. What belongs together (as
/// for [`split`]) is in one fold. The same for the same seed.
pub fn folds(
    manifest: &Manifest,
    twins: &[(usize, usize)],
    among: &[usize],
    count: usize,
    seed: u64,
) -> Vec<usize> {
    let entries = manifest.all_entries();
    let families = families(entries, twins);
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, &index) in among.iter().enumerate() {
        members.entry(families[index]).or_default().push(place);
    }
    let mut order: Vec<Vec<usize>> = members.into_values().collect();
    // By what the photos are, not by how a folder lists them; then at random, the largest first,
    // which leaves the small ones to even the folds out.
    order.sort_by_key(|family| *entries[among[family[0]]].hash.as_bytes());
    Random::new(seed, 2, 0).shuffle(&mut order);
    order.sort_by_key(|family| std::cmp::Reverse(family.len()));
    let mut filled = vec![vec![0usize; manifest.classes().len()]; count];
    let mut sizes = vec![0usize; count];
    let mut fold_of = vec![0; among.len()];
    for family in order {
        let of_class = |fold: &Vec<usize>| -> usize {
            let own = family
                .iter()
                .map(|&place| fold[entries[among[place]].class]);
            own.sum()
        };
        let emptiest = (0..count).min_by_key(|&fold| (of_class(&filled[fold]), sizes[fold], fold));
        let fold = emptiest.unwrap_or(0);
        for place in family {
            filled[fold][entries[among[place]].class] += 1;
            sizes[fold] += 1;
            fold_of[place] = fold;
        }
    }
    fold_of
}

/// At most so many photos of each class in each part, drawn at random.
fn at_most(entries: Vec<Entry>, most: usize, seed: u64) -> Vec<Entry> {
    let mut by_part: BTreeMap<(usize, &'static str), Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        let key = (entry.class, crate::part_name(entry.part));
        by_part.entry(key).or_default().push(entry);
    }
    by_part
        .into_iter()
        .flat_map(|((class, _), mut own)| {
            own.sort_by_key(|entry| *entry.hash.as_bytes());
            Random::new(seed, 1, class as u64).shuffle(&mut own);
            own.truncate(most);
            own
        })
        .collect()
}

/// For each photo the smallest index among those it belongs with: the same file, a twin, the same
/// group, or what belongs with one of these.
fn families(entries: &[Entry], twins: &[(usize, usize)]) -> Vec<usize> {
    let mut parents: Vec<usize> = (0..entries.len()).collect();
    fn root(parents: &mut [usize], mut index: usize) -> usize {
        while parents[index] != index {
            parents[index] = parents[parents[index]];
            index = parents[index];
        }
        index
    }
    let mut join = |one: usize, other: usize| {
        let (one, other) = (root(&mut parents, one), root(&mut parents, other));
        parents[one.max(other)] = one.min(other);
    };
    let mut hashes: HashMap<[u8; 32], usize> = HashMap::new();
    let mut groups: HashMap<&str, usize> = HashMap::new();
    for (index, entry) in entries.iter().enumerate() {
        join(
            *hashes.entry(*entry.hash.as_bytes()).or_insert(index),
            index,
        );
        if !entry.group.is_empty() {
            join(*groups.entry(&entry.group).or_insert(index), index);
        }
    }
    for &(one, other) in twins {
        join(one, other);
    }
    (0..entries.len())
        .map(|index| root(&mut parents, index))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// Photos of classes a, b, c (as many as said), every fifth in test.
    fn manifest(sizes: [usize; 3]) -> Manifest {
        let mut entries = Vec::new();
        for (class, size) in ["n02085620-Chihuahua", "beagle", "pug"]
            .into_iter()
            .zip(sizes)
        {
            for index in 0..size {
                let path = format!("{class}/{index:04}.jpg");
                let entry = Entry {
                    offset: None,
                    bytes: 1,
                    hash: blake3::hash(path.as_bytes()),
                    class: 0,
                    part: if index % 5 == 0 {
                        Part::Test
                    } else {
                        Part::Train
                    },
                    width: 10,
                    height: 10,
                    original: None,
                    boxes: Vec::new(),
                    group: String::new(),
                    source: String::new(),
                    path,
                };
                entries.push((class.to_owned(), entry));
            }
        }
        Manifest::new(PathBuf::from("/photos"), entries)
    }

    fn options(official: bool) -> SplitOptions {
        SplitOptions {
            official,
            test: 0.25,
            validation: 0.2,
            seed: 7,
            classes: Vec::new(),
            most: None,
        }
    }

    fn count(manifest: &Manifest, class: usize, part: Part) -> usize {
        let entries = manifest.all_entries().iter();
        entries
            .filter(|e| e.class == class && e.part == part)
            .count()
    }

    #[test]
    fn folds_are_even_and_keep_families_together() {
        let manifest = manifest([50, 23, 9]);
        let entries = manifest.all_entries();
        let among: Vec<usize> = (0..entries.len()).filter(|index| index % 7 != 3).collect();
        let twins = [(0, 40), (40, 60), (1, 2)];
        let found = folds(&manifest, &twins, &among, 5, 4);
        assert_eq!(found, folds(&manifest, &twins, &among, 5, 4));
        assert_ne!(found, folds(&manifest, &twins, &among, 5, 5));
        let of = |index: usize| found[among.binary_search(&index).unwrap()];
        assert!(of(0) == of(40) && of(40) == of(60) && of(1) == of(2));
        for class in 0..3 {
            let count = |fold: usize| {
                let own = among.iter().zip(&found);
                own.filter(|&(&index, &own)| entries[index].class == class && own == fold)
                    .count()
            };
            let counts: Vec<usize> = (0..5).map(count).collect();
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            assert!(most - least <= 1, "{counts:?}");
        }
    }

    #[test]
    fn each_class_is_split_alike_and_a_seed_decides() {
        let whole = manifest([100, 60, 20]);
        let one = split(&whole, &[], &options(false)).manifest;
        // The classes stand in the order of their names: beagle, Chihuahua, pug.
        for (class, size) in [60usize, 100, 20].into_iter().enumerate() {
            assert_eq!(count(&one, class, Part::Test), size / 4);
            assert_eq!(
                count(&one, class, Part::Validation),
                (size * 3).div_ceil(20)
            );
        }
        let again = split(&whole, &[], &options(false)).manifest;
        assert_eq!(one.all_entries(), again.all_entries());
        let other = SplitOptions {
            seed: 8,
            ..options(false)
        };
        assert_ne!(
            one.all_entries(),
            split(&whole, &[], &other).manifest.all_entries()
        );
        assert!(one.open_entries().all(|entry| entry.part != Part::Test));
        assert_eq!(one.test_entries().count() + one.open_entries().count(), 180);
    }

    #[test]
    fn twins_and_groups_never_stand_on_two_sides() {
        let mut whole = manifest([100, 60, 20]);
        let mut random = Random::new(1, 0, 0);
        let pairs: Vec<(usize, usize)> = (0..40)
            .map(|_| (random.below(180) as usize, random.below(180) as usize))
            .collect();
        let mut entries = whole.all_entries().to_vec();
        for index in [3, 50, 110, 170] {
            entries[index].group = "rex".to_owned();
        }
        whole = whole.with(entries);
        for official in [false, true] {
            let done = split(&whole, &pairs, &options(official));
            let part: HashMap<&str, Part> = done
                .manifest
                .all_entries()
                .iter()
                .map(|entry| (entry.path.as_str(), entry.part))
                .collect();
            let at = |index: usize| part.get(whole.all_entries()[index].path.as_str());
            for &(one, other) in pairs.iter().chain(&[(3, 50), (50, 110), (110, 170)]) {
                if let (Some(one), Some(other)) = (at(one), at(other)) {
                    assert_eq!(one, other);
                }
            }
            if official {
                let test = |m: &Manifest| m.test_entries().count();
                assert_eq!(test(&done.manifest), test(&whole));
                assert!(!done.left_out.is_empty());
            } else {
                assert!(done.left_out.is_empty());
            }
            assert_eq!(done.manifest.all_entries().len() + done.left_out.len(), 180);
        }
    }

    #[test]
    fn classes_are_chosen_by_number_and_by_any_name() {
        let whole = manifest([30, 40, 20]);
        let names = |request: &str| choose_classes(&whole, &request.into()).unwrap();
        assert_eq!(names("2"), ["beagle", "n02085620-Chihuahua"]);
        assert_eq!(names("Chihuahua, carlin"), ["n02085620-Chihuahua", "pug"]);
        assert_eq!(names("pug, Carlin, beagle, pug"), ["pug", "beagle"]);
        let refused = |request: &str| choose_classes(&whole, &request.into()).unwrap_err();
        for (written, meant) in [
            ("beagel", Some("beagle")),
            ("pug, Chiuaua", Some("Chihuahua")),
            ("Carlins", Some("Carlin")),
            ("dalmatian", None),
        ] {
            let error = refused(written);
            assert!(
                matches!(&error, Error::UnknownClass { nearest, .. } if nearest.as_deref() == meant),
                "{error}"
            );
        }
        assert_eq!(names("").len(), 3);
        assert!(matches!(refused(" , "), Error::UnknownClass { .. }));
        let many = refused("4");
        assert!(matches!(
            many,
            Error::ClassCount {
                wanted: 4,
                classes: 3
            }
        ));
        let few = SplitOptions {
            classes: names("pug,beagle"),
            most: Some(5),
            ..options(true)
        };
        let done = split(&whole, &[], &few).manifest;
        assert_eq!(done.classes().len(), 2);
        for class in 0..2 {
            assert!(
                [Part::Train, Part::Test, Part::Validation]
                    .into_iter()
                    .all(|part| count(&done, class, part) <= 5)
            );
            assert_eq!(count(&done, class, Part::Train), 5);
        }
    }
}
