//! Breeds and their groups: names, synonyms, look-alikes, read once from `data/*.toml`.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::Language;

/// A breed of dog, or a wild canid that the model can name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breed {
    /// The WordNet synset of a Stanford class (`n02085620`), or for the other breeds a slug of the
    /// English name (`cane-corso`). Never changes.
    pub id: String,
    /// The class's old name in ImageNet and in Stanford Dogs' folders; `None` for other breeds.
    pub imagenet: Option<String>,
    /// English name of today.
    #[serde(rename = "en")]
    pub name_en: String,
    /// French name, as the Société Centrale Canine or the FCI writes it.
    #[serde(rename = "fr")]
    pub name_fr: String,
    /// Other English names.
    #[serde(default)]
    pub also_en: Vec<String>,
    /// Other French names.
    #[serde(default)]
    pub also_fr: Vec<String>,
    /// FCI group, 1 to 10; `None` for wild canids.
    pub group: Option<u8>,
    /// Whether the FCI recognises it; where it does not, `group` is that of its nearest kin by
    /// function.
    #[serde(default = "yes")]
    pub fci: bool,
    /// A wild canid (dingo, dhole, African wild dog) rather than a breed of dog.
    #[serde(default)]
    pub wild: bool,
    /// Of the types that are confused with those of French categories 1 and 2: the notice is
    /// computed on the mass of these breeds together, never on one alone.
    #[serde(default)]
    pub category: bool,
    /// Ids of the breeds that it is easily taken for; symmetric.
    #[serde(skip)]
    pub look_alikes: Vec<String>,
    /// Dogs of it that come to France a year, roughly; `None` where nobody looked it up. See
    /// [`REGISTRATIONS_SOURCE`].
    #[serde(skip)]
    pub registrations: Option<u32>,
}

/// Where [`Breed::registrations`] comes from; `data/registrations.tsv` names the source of each.
pub const REGISTRATIONS_SOURCE: &str = "registrations in the French stud book (LOF) and identified \
    dogs (I-CAD), 2015 to 2024, else a foreign register or an estimate: data/registrations.tsv";

/// Breeds that photos cannot part, since size or papers alone do: the sled dogs, the poodles.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreedType {
    /// A slug of the English name.
    pub id: String,
    /// English.
    #[serde(rename = "en")]
    pub name_en: String,
    /// French.
    #[serde(rename = "fr")]
    pub name_fr: String,
    /// The ids of its breeds, at least two; a breed is of one type at most.
    pub breeds: Vec<String>,
}

impl Breed {
    /// The name in `language`.
    pub fn name(&self, language: Language) -> &str {
        match language {
            Language::French => &self.name_fr,
            Language::English => &self.name_en,
        }
    }

    /// Its FCI group, or the group of its nearest kin; `None` for wild canids.
    pub fn group(&self) -> Option<&'static Group> {
        self.group.and_then(group)
    }

    /// The folder of the class in Stanford Dogs (`n02085620-Chihuahua`); `None` for other breeds.
    pub fn stanford_folder(&self) -> Option<String> {
        self.imagenet
            .as_ref()
            .map(|imagenet| format!("{}-{imagenet}", self.id))
    }

    /// Every name: of today, of ImageNet, synonyms, in both languages.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [&self.name_en, &self.name_fr]
            .into_iter()
            .chain(&self.imagenet)
            .chain(&self.also_en)
            .chain(&self.also_fr)
            .map(String::as_str)
    }
}

/// One of the ten groups of the FCI (Fédération Cynologique Internationale).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// 1 to 10.
    pub id: u8,
    /// As an answer says it: 'a terrier'.
    pub article_en: String,
    /// As an answer says it: 'un terrier'.
    pub article_fr: String,
    /// As a heading, in everyday English.
    pub short_en: String,
    /// As a heading, in everyday French.
    pub short_fr: String,
    /// The FCI's English name.
    pub official_en: String,
    /// The FCI's French name.
    pub official_fr: String,
}

impl Group {
    /// With its article, to end a sentence: 'un terrier'.
    pub fn article(&self, language: Language) -> &str {
        match language {
            Language::French => &self.article_fr,
            Language::English => &self.article_en,
        }
    }

    /// As a heading, in everyday words: 'Terriers'.
    pub fn short(&self, language: Language) -> &str {
        match language {
            Language::French => &self.short_fr,
            Language::English => &self.short_en,
        }
    }

    /// The FCI's own name.
    pub fn official(&self, language: Language) -> &str {
        match language {
            Language::French => &self.official_fr,
            Language::English => &self.official_en,
        }
    }
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct BreedFile {
    breeds: Vec<Breed>,
}

#[derive(Deserialize)]
struct GroupFile {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct LookAlikeFile {
    /// Every breed of a set looks like every other of it.
    sets: Vec<Vec<String>>,
    types: Vec<BreedType>,
}

/// The breeds in the file's order, and where each id and each folded name is found.
struct Breeds {
    list: Vec<Breed>,
    by_id: HashMap<String, usize>,
    by_name: HashMap<String, usize>,
}

static BREEDS: LazyLock<Breeds> = LazyLock::new(|| {
    let mut list = toml::from_str::<BreedFile>(include_str!("../data/breeds.toml"))
        .expect("data/breeds.toml is read by a test")
        .breeds;
    let by_id: HashMap<_, _> = list
        .iter()
        .enumerate()
        .map(|(index, breed)| (breed.id.clone(), index))
        .collect();
    let by_name = list
        .iter()
        .enumerate()
        .flat_map(|(index, breed)| breed.names().map(move |name| (fold(name), index)))
        .collect();
    for (id, registrations) in registrations() {
        if let Some(&index) = by_id.get(id) {
            list[index].registrations = Some(registrations);
        }
    }
    for set in &LOOK_ALIKES.sets {
        for id in set {
            let Some(&index) = by_id.get(id) else {
                continue;
            };
            for other in set {
                let known = &mut list[index].look_alikes;
                if other != id && by_id.contains_key(other) && !known.contains(other) {
                    known.push(other.clone());
                }
            }
        }
    }
    Breeds {
        list,
        by_id,
        by_name,
    }
});

static GROUPS: LazyLock<Vec<Group>> = LazyLock::new(|| {
    toml::from_str::<GroupFile>(include_str!("../data/groups.toml"))
        .expect("data/groups.toml is read by a test")
        .groups
});

static LOOK_ALIKES: LazyLock<LookAlikeFile> = LazyLock::new(|| {
    toml::from_str(include_str!("../data/look_alikes.toml"))
        .expect("data/look_alikes.toml is read by a test")
});

/// Each breed whose figure was looked up.
fn registrations() -> impl Iterator<Item = (&'static str, u32)> {
    let lines = include_str!("../data/registrations.tsv").lines();
    let lines = lines.filter(|line| !line.starts_with('#')).skip(1);
    lines.map(|line| {
        let mut cells = line.split('\t');
        let mut cell = || {
            cells
                .next()
                .expect("data/registrations.tsv is read by a test")
        };
        (
            cell(),
            cell()
                .parse()
                .expect("data/registrations.tsv is read by a test"),
        )
    })
}

/// The type of the breed with this id.
pub fn breed_type(id: &str) -> Option<&'static BreedType> {
    let mut types = LOOK_ALIKES.types.iter();
    types.find(|found| found.breeds.iter().any(|breed| breed == id))
}

/// Every breed: the 120 classes of Stanford Dogs in their own order, then the others.
pub fn breeds() -> &'static [Breed] {
    &BREEDS.list
}

/// The breed with this id.
pub fn breed(id: &str) -> Option<&'static Breed> {
    BREEDS.by_id.get(id).map(|&index| &BREEDS.list[index])
}

/// The breed that bears this name in either language, synonyms included, whatever its accents,
/// case, hyphens and underscores. A name of several breeds ('caniche') finds none.
pub fn find(name: &str) -> Option<&'static Breed> {
    BREEDS
        .by_name
        .get(&fold(name))
        .map(|&index| &BREEDS.list[index])
}

/// The ten groups of the FCI, in order.
pub fn groups() -> &'static [Group] {
    &GROUPS
}

/// The group with this number, 1 to 10.
pub fn group(id: u8) -> Option<&'static Group> {
    GROUPS.iter().find(|group| group.id == id)
}

/// `text` for comparison: lower case, without accents, every run of anything but letters and
/// digits as one space.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        let plain = match character {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => "a",
            'ç' | 'č' => "c",
            'è' | 'é' | 'ê' | 'ë' => "e",
            'ì' | 'í' | 'î' | 'ï' => "i",
            'ñ' => "n",
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => "o",
            'ř' => "r",
            'š' => "s",
            'ù' | 'ú' | 'û' | 'ü' => "u",
            'ý' | 'ÿ' => "y",
            'ž' => "z",
            'œ' => "oe",
            'æ' => "ae",
            // Accents that stand as characters of their own, as macOS writes file names.
            '\u{300}'..='\u{36f}' => continue,
            _ if character.is_alphanumeric() => {
                folded.push(character);
                continue;
            }
            _ if folded.is_empty() || folded.ends_with(' ') => continue,
            _ => " ",
        };
        folded.push_str(plain);
    }
    folded.truncate(folded.trim_end().len());
    folded
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    /// Stanford's class number, synset and folder, as the official lists number them.
    fn stanford() -> Vec<(usize, &'static str, &'static str)> {
        include_str!("../data/stanford.tsv")
            .lines()
            .skip(1)
            .map(|line| {
                let mut cells = line.split('\t');
                (
                    cells.next().unwrap().parse().unwrap(),
                    cells.next().unwrap(),
                    cells.next().unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn the_120_stanford_classes_come_first_and_in_order() {
        let classes = stanford();
        assert_eq!(classes.len(), 120);
        for (index, synset, folder) in classes {
            let breed = &breeds()[index];
            assert_eq!(breed.id, synset);
            assert_eq!(breed.stanford_folder().as_deref(), Some(folder));
        }
        assert!(breeds()[120..].iter().all(|breed| breed.imagenet.is_none()));
        assert!(breeds().len() >= 180, "{}", breeds().len());
    }

    #[test]
    fn ids_are_unique_and_slugs_outside_stanford() {
        let mut seen = HashSet::new();
        for breed in breeds() {
            assert!(seen.insert(&breed.id), "{} twice", breed.id);
            assert_eq!(super::breed(&breed.id).unwrap().name_en, breed.name_en);
            assert!(
                breed
                    .id
                    .bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')),
                "{}",
                breed.id
            );
        }
    }

    #[test]
    fn every_name_leads_to_one_breed() {
        let mut owner = HashMap::new();
        for breed in breeds() {
            for name in breed.names() {
                let folded = fold(name);
                assert!(!folded.is_empty(), "{} has an empty name", breed.id);
                assert!(
                    folded
                        .bytes()
                        .all(|byte| matches!(byte, b'a'..=b'z' | b' ')),
                    "'{name}' folds to '{folded}': a letter is missing in fold()"
                );
                let first = owner.entry(folded).or_insert(&breed.id);
                assert_eq!(*first, &breed.id, "'{name}' names two breeds");
                assert_eq!(find(name).map(|found| &found.id), Some(&breed.id));
            }
        }
    }

    #[test]
    fn names_are_found_however_they_are_written() {
        for (name, id) in [
            ("BERGER-BELGE_malinois", "n02105162"),
            ("chien d'eau irlandais", "n02102973"),
            ("Chien d’eau irlandais", "n02102973"),
            ("E\u{301}pagneul breton", "n02101388"),
            ("patou", "n02111500"),
            ("Japanese_spaniel", "n02085782"),
            ("shiba_inu", "shiba"),
            ("  Dachshund ", "smooth-dachshund"),
        ] {
            assert_eq!(
                find(name).map(|breed| breed.id.as_str()),
                Some(id),
                "{name}"
            );
        }
        assert!(find("caniche").is_none());
        assert!(find("").is_none());
    }

    #[test]
    fn look_alikes_exist_and_are_symmetric() {
        for set in &LOOK_ALIKES.sets {
            assert!(set.len() >= 2);
            let distinct: HashSet<_> = set.iter().collect();
            assert_eq!(distinct.len(), set.len(), "a breed twice in {set:?}");
            for id in set {
                assert!(breed(id).is_some(), "no breed '{id}'");
            }
        }
        for breed in breeds() {
            for other in &breed.look_alikes {
                assert_ne!(other, &breed.id);
                assert!(
                    super::breed(other).unwrap().look_alikes.contains(&breed.id),
                    "{} looks like {other}, but not the reverse",
                    breed.id
                );
            }
        }
        let look_alikes = |id| &super::breed(id).unwrap().look_alikes;
        assert!(look_alikes("n02113023").contains(&"n02113186".to_owned()));
        assert!(
            breeds()[..120]
                .iter()
                .all(|breed| !breed.look_alikes.is_empty())
        );
    }

    #[test]
    fn registrations_are_known_of_every_class_with_their_source() {
        let mut seen = HashSet::new();
        for (id, _) in registrations() {
            assert!(seen.insert(id), "{id} twice");
            assert!(breed(id).is_some(), "no breed '{id}'");
        }
        for breed in &breeds()[..120] {
            assert!(breed.registrations.is_some(), "{}", breed.id);
        }
        let figure = |id| breed(id).unwrap().registrations.unwrap();
        // Siberian husky, malamute, husky-type sled dog of ImageNet.
        assert!(figure("n02110185") > figure("n02110063"));
        assert!(figure("n02110063") > figure("n02109961"));
        let table = include_str!("../data/registrations.tsv").lines();
        let rows = table.filter(|line| !line.starts_with('#'));
        for row in rows {
            let cells: Vec<_> = row.split('\t').collect();
            assert_eq!(cells.len(), 4, "{row}");
            assert!(cells.iter().all(|cell| !cell.is_empty()), "{row}");
        }
    }

    #[test]
    fn types_are_of_breeds_that_look_alike_and_a_breed_has_one() {
        let mut seen = HashSet::new();
        for breed_type in &LOOK_ALIKES.types {
            assert!(breed_type.breeds.len() >= 2, "{}", breed_type.id);
            for id in &breed_type.breeds {
                assert!(seen.insert(id), "{id} is of two types");
                assert_eq!(super::breed_type(id).unwrap().id, breed_type.id);
                let look_alikes = &breed(id).unwrap().look_alikes;
                let mut others = breed_type.breeds.iter().filter(|other| *other != id);
                assert!(others.all(|other| look_alikes.contains(other)), "{id}");
            }
        }
        assert!(super::breed_type("n02088364").is_none());
    }

    #[test]
    fn groups_are_the_ten_of_the_fci() {
        let ids: Vec<_> = groups().iter().map(|group| group.id).collect();
        assert_eq!(ids, (1..=10).collect::<Vec<_>>());
        for group in groups() {
            for language in Language::ALL {
                assert!(!group.short(language).is_empty());
                assert!(!group.official(language).is_empty());
                let article = match language {
                    Language::French => "un ",
                    Language::English => "a ",
                };
                assert!(group.article(language).starts_with(article));
            }
            assert!(breeds().iter().any(|breed| breed.group == Some(group.id)));
        }
    }

    #[test]
    fn a_breed_has_a_group_unless_it_is_wild() {
        for breed in breeds() {
            assert_eq!(breed.group().is_none(), breed.wild, "{}", breed.id);
            assert!(!(breed.wild && breed.category));
        }
        let wild: Vec<_> = breeds().iter().filter(|breed| breed.wild).collect();
        assert_eq!(wild.len(), 3);
    }

    #[test]
    fn the_category_notice_stands_on_these_classes() {
        let of_stanford: Vec<_> = breeds()
            .iter()
            .filter(|breed| breed.category)
            .filter_map(|breed| breed.imagenet.as_deref())
            .collect();
        assert_eq!(
            of_stanford,
            [
                "Staffordshire_bullterrier",
                "American_Staffordshire_terrier",
                "Rottweiler",
                "boxer",
                "bull_mastiff",
                "Tibetan_mastiff",
            ]
        );
        for id in ["tosa", "mastiff", "boerboel", "american-pit-bull-terrier"] {
            assert!(super::breed(id).unwrap().category, "{id}");
        }
    }

    #[test]
    fn french_names_are_typographically_right() {
        for breed in breeds() {
            for name in breed.names() {
                assert!(!name.contains('\''), "straight apostrophe in '{name}'");
                assert_eq!(name.trim(), name);
                assert!(!name.contains("  "));
            }
            assert!(breed.name_fr.chars().next().unwrap().is_uppercase());
            assert!(breed.name_en.chars().next().unwrap().is_uppercase());
        }
    }
}
