//! From the network's outputs to the answer: probabilities, the three kinds, group, cross, notices.
use crate::answer::{
    Answer, AnswerKind, BreedGuess, BreedType, Group, Milliseconds, ModelName, Notice,
};
use package::{About, Calibration, Label, softmax};

/// What is known of one class of the model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Class {
    /// Its id in the model.
    pub id: String,
    /// English.
    pub name: String,
    /// French, where known.
    pub name_fr: Option<String>,
    /// Which of the network's outputs it is.
    pub output: usize,
    /// FCI group: id, English, French; `None` where unknown.
    pub group: Option<[String; 3]>,
    /// A wild canid rather than a breed.
    pub wild: bool,
    /// Of the look that the notice about the legal categories is for.
    pub category: bool,
    /// The breed's id in `words`, where it is known.
    pub breed_id: Option<String>,
    /// Ids in `words` of the breeds that it is easily taken for.
    pub look_alikes: Vec<String>,
    /// Its type in `words`, where photos cannot part the type's breeds.
    pub breed_type: Option<&'static words::BreedType>,
}

impl Class {
    /// A class of a package, with what `words` knows of it by its id or else by its name.
    pub(crate) fn new(label: &Label) -> Self {
        let breed = words::breed(&label.id)
            .or_else(|| words::find(&label.name))
            .or_else(|| words::find(&label.id));
        let group = breed.and_then(words::Breed::group).map(|group| {
            [
                group.id.to_string(),
                group.official_en.clone(),
                group.official_fr.clone(),
            ]
        });
        // A package that was made before calls it as it was called then, or spells it so.
        let spelled = |breed: &&words::Breed| {
            let own = label.name_fr.as_deref().map(words::fold);
            let mut names = [&breed.name_fr].into_iter().chain(&breed.also_fr);
            own.is_none_or(|own| names.any(|name| words::fold(name) == own))
        };
        let today = breed.filter(spelled).map(|breed| breed.name_fr.clone());
        Class {
            id: label.id.clone(),
            name: label.name.clone(),
            name_fr: today.or_else(|| label.name_fr.clone()),
            output: label.output,
            group,
            wild: breed.is_some_and(|breed| breed.wild),
            category: breed.is_some_and(|breed| breed.category),
            breed_id: breed.map(|breed| breed.id.clone()),
            look_alikes: breed.map_or_else(Vec::new, |breed| breed.look_alikes.clone()),
            breed_type: breed.and_then(|breed| words::breed_type(&breed.id)),
        }
    }

    fn is_taken_for(&self, other: &Class) -> bool {
        let id = other.breed_id.as_ref();
        id.is_some_and(|id| self.look_alikes.contains(id))
    }
}

/// The calibrated probabilities of one set of outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Probabilities {
    /// That there is a dog, 0 to 1.
    pub dog: f32,
    /// Of each class of the model, given a dog; they sum to 1.
    pub breeds: Vec<f32>,
    /// The largest of a breed or, where photos cannot part them, of a type of breeds.
    pub likeness: f32,
    /// The largest logit of the classes: how much the network knows what it sees.
    pub familiarity: f32,
    /// The entropy, in nats, of what the network says before the prior; breeds of a type that photos
    /// cannot part count as one.
    pub spread: f32,
    /// What another model that was asked says is of the breeds that this one knows, 0 to 1; 1 where none
    /// was asked.
    pub known: f32,
}

impl Probabilities {
    /// From the outputs of the network, `[outputs]`.
    pub(crate) fn new(logits: &[f32], classes: &[Class], calibration: &Calibration) -> Self {
        let of_classes = classes.iter().map(|class| logits[class.output]);
        let weighed = calibration.weighed(of_classes.clone());
        let breeds = softmax(weighed, calibration.temperature);
        Probabilities {
            dog: calibration
                .dog
                .as_ref()
                .map_or(1.0, |rule| rule.probability(logits)),
            likeness: likeness(&breeds, classes),
            spread: match &calibration.prior {
                Some(_) => spread(
                    &softmax(of_classes.clone(), calibration.temperature),
                    classes,
                ),
                None => spread(&breeds, classes),
            },
            familiarity: of_classes.fold(f32::NEG_INFINITY, f32::max),
            breeds,
            known: 1.0,
        }
    }

    /// Of each row of outputs, by what a package says of itself.
    pub fn of_rows(about: &About, rows: &[Vec<f32>]) -> Vec<Self> {
        let classes: Vec<Class> = about.labels.iter().map(Class::new).collect();
        let of_row = |row: &Vec<f32>| Self::new(row, &classes, &about.calibration);
        rows.iter().map(of_row).collect()
    }

    /// The classes' positions by falling probability; equal ones in the model's order.
    pub fn ranking(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.breeds.len()).collect();
        order.sort_by(|&a, &b| self.breeds[b].total_cmp(&self.breeds[a]));
        order
    }

    /// Dog, unsure or no dog, by the thresholds of a calibration.
    pub fn kind(&self, calibration: &Calibration) -> AnswerKind {
        let unfamiliar = calibration
            .unfamiliar_below
            .is_some_and(|least| self.familiarity < least);
        let spread = calibration
            .spread_above
            .is_some_and(|most| self.spread > most);
        let strange = calibration
            .gate
            .is_some_and(|gate| self.known < gate.known_below);
        if self.dog < calibration.not_a_dog_below {
            AnswerKind::NotADog
        } else if self.likeness < calibration.unsure_below || unfamiliar || spread || strange {
            AnswerKind::Unsure
        } else {
            AnswerKind::Dog
        }
    }
}

/// The answer to these probabilities, with the `top` likeliest breeds.
pub(crate) fn answer(
    probabilities: &Probabilities,
    classes: &[Class],
    calibration: &Calibration,
    top: usize,
    model: &ModelName,
) -> Answer {
    let order = probabilities.ranking();
    let breeds = &probabilities.breeds;
    let first = order[0];
    let kind = probabilities.kind(calibration);
    let is_dog = kind != AnswerKind::NotADog;

    let group = (kind == AnswerKind::Unsure)
        .then(|| likeliest_group(breeds, classes))
        .flatten()
        .filter(|group| group.probability >= calibration.group_from);

    let breed_type = (kind == AnswerKind::Dog)
        .then(|| shared_type(first, breeds, classes))
        .flatten();
    let mixed = is_dog
        && breed_type.is_none()
        && order
            .get(1)
            .is_some_and(|&second| is_cross(first, second, breeds, classes, calibration));

    let mut notices = Vec::new();
    let category_mass: f32 = masses(breeds, classes, |class| class.category);
    if is_dog && category_mass >= calibration.category_from {
        notices.push(Notice::Category);
    }
    if is_dog && classes[first].wild {
        notices.push(Notice::Wild);
    }
    let prior = calibration.prior.as_ref();
    if let Some(prior) = prior.filter(|prior| prior.is_rare(first)) {
        // A type is not rare for one of its breeds.
        if kind == AnswerKind::Dog && breed_type.is_none() && !classes[first].wild {
            notices.push(match prior.france {
                true => Notice::Rare,
                false => Notice::RareHere,
            });
        }
    }

    let look_alikes = if is_dog {
        let in_model = |id: &String| {
            let class = classes
                .iter()
                .find(|class| class.breed_id.as_ref() == Some(id));
            class.map_or(id, |class| &class.id).clone()
        };
        let look_alikes = classes[first].look_alikes.iter();
        // A model of a few breeds could not have answered the others.
        let is_own = |id: &&String| {
            let mut own = classes.iter();
            calibration.gate.is_none() || own.any(|class| class.breed_id.as_ref() == Some(*id))
        };
        look_alikes.filter(is_own).map(in_model).collect()
    } else {
        Vec::new()
    };
    let guesses = order.iter().take(top).map(|&position| {
        let class = &classes[position];
        BreedGuess {
            id: class.id.clone(),
            name: class.name.clone(),
            name_fr: class.name_fr.clone(),
            group: class.group.as_ref().map(|[id, ..]| id.clone()),
            wild: class.wild,
            probability: breeds[position],
        }
    });
    Answer {
        answer: kind,
        dog_probability: probabilities.dog,
        breeds: guesses.collect(),
        breed_type,
        group,
        mixed,
        look_alikes,
        notices,
        quality: Vec::new(),
        model: model.clone(),
        milliseconds: Milliseconds::default(),
    }
}

/// A breed that has more of its type's mass than this is named itself: the type's others have so little
/// that the photo does part them.
const NAMED_ABOVE: f32 = 0.85;

/// The classes of a type.
fn of_type<'a>(
    breed_type: &'a words::BreedType,
    classes: &'a [Class],
) -> impl Iterator<Item = usize> + 'a {
    let is_of = |class: &Class| {
        class
            .breed_type
            .is_some_and(|found| found.id == breed_type.id)
    };
    (0..classes.len()).filter(move |&place| is_of(&classes[place]))
}

/// The largest probability of a breed, or of a type of breeds together.
fn likeness(breeds: &[f32], classes: &[Class]) -> f32 {
    let together = classes
        .iter()
        .zip(breeds)
        .map(|(class, &own)| match class.breed_type {
            Some(breed_type) => of_type(breed_type, classes)
                .map(|place| breeds[place])
                .sum(),
            None => own,
        });
    // A sum may be above 1 by its rounding.
    together.fold(0.0, f32::max).min(1.0)
}

/// The entropy of the probabilities, those of a type together.
fn spread(breeds: &[f32], classes: &[Class]) -> f32 {
    let entropy = |probability: f32| match probability > 0.0 {
        true => -probability * probability.ln(),
        false => 0.0,
    };
    let of_each = classes.iter().enumerate().map(|(place, class)| {
        let Some(breed_type) = class.breed_type else {
            return entropy(breeds[place]);
        };
        let mut members = of_type(breed_type, classes).peekable();
        // Each type once, at its first breed.
        match members.peek() == Some(&place) {
            true => entropy(members.map(|member| breeds[member]).sum()),
            false => 0.0,
        }
    });
    of_each.sum()
}

/// The type of the first breed, where others of it have a share that counts.
fn shared_type(first: usize, breeds: &[f32], classes: &[Class]) -> Option<BreedType> {
    let breed_type = classes[first].breed_type?;
    let mut places: Vec<usize> = of_type(breed_type, classes).collect();
    places.sort_by(|&a, &b| breeds[b].total_cmp(&breeds[a]));
    let probability: f32 = places.iter().map(|&place| breeds[place]).sum();
    (breeds[first] <= NAMED_ABOVE * probability).then(|| BreedType {
        id: breed_type.id.clone(),
        name: breed_type.name_en.clone(),
        name_fr: breed_type.name_fr.clone(),
        breeds: places
            .iter()
            .map(|&place| classes[place].id.clone())
            .collect(),
        probability: probability.min(1.0),
    })
}

/// Two breeds that share the mass hint at a cross, unless they are hard to tell apart or one of
/// them is a wild canid: then the network merely hesitates.
fn is_cross(
    first: usize,
    second: usize,
    breeds: &[f32],
    classes: &[Class],
    calibration: &Calibration,
) -> bool {
    let together = breeds[first] + breeds[second];
    let alike = classes[first].is_taken_for(&classes[second])
        || classes[second].is_taken_for(&classes[first]);
    let wild = classes[first].wild || classes[second].wild;
    together >= calibration.mixed_together
        && breeds[second] >= calibration.mixed_share * together
        && !alike
        && !wild
}

/// The sum over the classes that fulfil the condition.
fn masses(breeds: &[f32], classes: &[Class], condition: impl Fn(&Class) -> bool) -> f32 {
    let chosen = breeds
        .iter()
        .zip(classes)
        .filter(|(_, class)| condition(class));
    chosen.map(|(probability, _)| probability).sum()
}

/// The group with most of the mass; `None` where no class has a group.
fn likeliest_group(breeds: &[f32], classes: &[Class]) -> Option<Group> {
    let mut likeliest: Option<Group> = None;
    for [id, name, name_fr] in classes.iter().filter_map(|class| class.group.as_ref()) {
        if likeliest.as_ref().is_some_and(|group| group.id == *id) {
            continue;
        }
        let of_group = |class: &Class| class.group.as_ref().is_some_and(|group| group[0] == *id);
        let probability = masses(breeds, classes, of_group);
        if likeliest
            .as_ref()
            .is_none_or(|group| probability > group.probability)
        {
            likeliest = Some(Group {
                id: id.clone(),
                name: name.clone(),
                name_fr: name_fr.clone(),
                probability,
            });
        }
    }
    likeliest
}

#[cfg(test)]
mod tests {
    use super::*;
    use package::{DogRule, Prior};

    /// Six classes: a and b look alike in group 1; c, d in group 2; e wild; f of the category look.
    fn classes() -> Vec<Class> {
        let class = |output: usize, id: &str, group: &str| Class {
            id: id.into(),
            name: id.to_uppercase(),
            name_fr: Some(format!("le {id}")),
            output,
            breed_id: Some(format!("breed-{id}")),
            group: Some([
                group.into(),
                format!("group {group}"),
                format!("groupe {group}"),
            ]),
            ..Class::default()
        };
        let mut classes = vec![
            class(0, "a", "1"),
            class(1, "b", "1"),
            class(2, "c", "2"),
            class(3, "d", "2"),
            class(4, "e", "5"),
            class(5, "f", "3"),
        ];
        classes[0].look_alikes = vec!["breed-b".into(), "breed-z".into()];
        classes[4].wild = true;
        classes[5].category = true;
        classes
    }

    fn calibration() -> Calibration {
        Calibration {
            dog: Some(DogRule {
                outputs: vec![[0, 5]],
                slope: 1.0,
                offset: 0.0,
                among: None,
            }),
            ..Calibration::default()
        }
    }

    /// The answer when the dog mass is `dog` and the breeds have these probabilities.
    fn decide(dog: f32, breeds: [f32; 6]) -> Answer {
        let mut logits: Vec<f32> = breeds.iter().map(|p| (p.max(1e-9) * dog).ln()).collect();
        logits.push((1.0 - dog).max(1e-9).ln());
        let (classes, calibration) = (classes(), calibration());
        let probabilities = Probabilities::new(&logits, &classes, &calibration);
        assert!((probabilities.dog - dog).abs() < 1e-4);
        let model = ModelName {
            name: "test".into(),
            version: "1".into(),
        };
        answer(&probabilities, &classes, &calibration, 3, &model)
    }

    #[test]
    fn a_clear_dog() {
        let answer = decide(0.99, [0.9, 0.05, 0.03, 0.02, 0.0, 0.0]);
        assert_eq!(answer.answer, AnswerKind::Dog);
        assert_eq!(answer.breeds.len(), 3);
        let first = &answer.breeds[0];
        assert_eq!(
            (first.id.as_str(), first.name_fr.as_deref()),
            ("a", Some("le a"))
        );
        assert!((first.probability - 0.9).abs() < 1e-4);
        assert_eq!(
            answer.look_alikes,
            ["b", "breed-z"],
            "the model's own ids where it has them"
        );
        assert!(!answer.mixed && answer.notices.is_empty() && answer.group.is_none());
    }

    #[test]
    fn no_dog_says_nothing_of_the_breed_but_its_probabilities() {
        let answer = decide(0.1, [0.4, 0.0, 0.0, 0.0, 0.0, 0.6]);
        assert_eq!(answer.answer, AnswerKind::NotADog);
        assert_eq!(answer.breeds[0].id, "f");
        assert!(answer.notices.is_empty() && answer.look_alikes.is_empty() && !answer.mixed);
    }

    #[test]
    fn unsure_backs_off_to_the_group_with_most_of_the_mass() {
        let answer = decide(0.9, [0.35, 0.33, 0.3, 0.02, 0.0, 0.0]);
        assert_eq!(answer.answer, AnswerKind::Unsure);
        let group = answer.group.expect("group 1 has 0.68");
        assert_eq!(
            (group.id.as_str(), group.name_fr.as_str()),
            ("1", "groupe 1")
        );
        assert!((group.probability - 0.68).abs() < 1e-4);
        assert!(decide(0.9, [0.3, 0.1, 0.3, 0.0, 0.3, 0.0]).group.is_none());
    }

    #[test]
    fn a_cross_is_two_breeds_that_do_not_look_alike() {
        assert!(decide(0.9, [0.5, 0.0, 0.4, 0.1, 0.0, 0.0]).mixed);
        assert!(
            !decide(0.9, [0.5, 0.4, 0.1, 0.0, 0.0, 0.0]).mixed,
            "look-alikes"
        );
        assert!(
            !decide(0.9, [0.4, 0.5, 0.1, 0.0, 0.0, 0.0]).mixed,
            "look-alikes, either way"
        );
        assert!(
            !decide(0.9, [0.5, 0.0, 0.0, 0.0, 0.4, 0.1]).mixed,
            "a wild canid"
        );
        assert!(
            !decide(0.9, [0.8, 0.0, 0.2, 0.0, 0.0, 0.0]).mixed,
            "one dominates"
        );
        assert!(
            !decide(0.9, [0.3, 0.0, 0.3, 0.1, 0.2, 0.1]).mixed,
            "too little together"
        );
    }

    #[test]
    fn notices_come_from_the_mass() {
        let answer = decide(0.9, [0.7, 0.0, 0.0, 0.0, 0.0, 0.3]);
        assert_eq!(answer.notices, [Notice::Category], "though `a` is first");
        let answer = decide(0.9, [0.1, 0.0, 0.0, 0.0, 0.9, 0.0]);
        assert_eq!(answer.notices, [Notice::Wild]);
    }

    #[test]
    fn what_the_network_has_never_seen_is_unsure() {
        let (classes, mut calibration) = (classes(), calibration());
        calibration.unfamiliar_below = Some(2.0);
        let model = ModelName {
            name: "test".into(),
            version: "1".into(),
        };
        let kind = |shift: f32| {
            let logits = [3.0, 0.0, 0.0, -3.0, -3.0, -3.0, -9.0].map(|logit| logit + shift);
            let probabilities = Probabilities::new(&logits, &classes, &calibration);
            answer(&probabilities, &classes, &calibration, 1, &model).answer
        };
        assert_eq!(kind(0.0), AnswerKind::Dog);
        assert_eq!(
            kind(-2.0),
            AnswerKind::Unsure,
            "the same probabilities, smaller logits"
        );
    }

    /// The answer of a model of husky, malamute and beagle to these probabilities.
    fn of_sled_dogs(breeds: [f32; 3], prior: Option<Prior>) -> Answer {
        let ids = ["n02110185", "n02110063", "n02088364"];
        let label = |(output, id): (usize, &str)| Label {
            id: id.into(),
            name: id.into(),
            name_fr: None,
            output,
        };
        let labels: Vec<Label> = ids.into_iter().enumerate().map(label).collect();
        let classes: Vec<Class> = labels.iter().map(Class::new).collect();
        let calibration = Calibration {
            prior,
            ..Calibration::default()
        };
        let probabilities = Probabilities::new(&breeds.map(f32::ln), &classes, &calibration);
        let (name, version) = ("test".into(), "1".into());
        answer(
            &probabilities,
            &classes,
            &calibration,
            3,
            &ModelName { name, version },
        )
    }

    #[test]
    fn breeds_that_photos_cannot_part_are_answered_as_their_type() {
        // None of them is above the threshold of 'unsure', together they are.
        let shared = of_sled_dogs([0.44, 0.36, 0.2], None);
        assert_eq!(shared.answer, AnswerKind::Dog);
        let breed_type = shared.breed_type.expect("husky and malamute share it");
        assert_eq!(breed_type.id, "husky");
        assert_eq!(breed_type.breeds, ["n02110185", "n02110063"]);
        assert!((breed_type.probability - 0.8).abs() < 1e-5);
        assert!(!shared.mixed, "they are hard to part, not crossed");
        // One that has most of it is named itself, and so is one of no type.
        assert!(of_sled_dogs([0.9, 0.05, 0.05], None).breed_type.is_none());
        assert!(of_sled_dogs([0.2, 0.1, 0.7], None).breed_type.is_none());
        let unsure = of_sled_dogs([0.2, 0.2, 0.6], None);
        assert!(unsure.breed_type.is_none() && unsure.answer == AnswerKind::Dog);
    }

    #[test]
    fn a_prior_weighs_the_breeds_and_says_which_are_rare() {
        let mut prior = Prior::of_counts(&[2_000.0, 500.0, 6_000.0], 0.5, "counted").unwrap();
        let answer = of_sled_dogs([0.4, 0.4, 0.2], Some(prior.clone()));
        let breed_type = answer.breed_type.as_ref().expect("a type");
        // Of equal ones the frequent one is twice as likely, for the root of a fourth is a half.
        let [first, second, _] = &answer.breeds[..] else {
            panic!("{answer:?}")
        };
        assert_eq!(
            (first.id.as_str(), second.id.as_str()),
            ("n02110185", "n02088364")
        );
        assert_eq!(breed_type.breeds, ["n02110185", "n02110063"]);
        let root = |count: f32| (count + 1.0).sqrt();
        let weights = [0.4 * root(2_000.0), 0.4 * root(500.0), 0.2 * root(6_000.0)];
        let expected = weights[0] / weights.iter().sum::<f32>();
        assert!((first.probability - expected).abs() < 1e-5);
        assert!(answer.notices.is_empty());
        // A strength of 0 changes nothing.
        prior.strength = 0.0;
        let plain = of_sled_dogs([0.4, 0.4, 0.2], Some(prior));
        assert!((plain.breeds[0].probability - 0.4).abs() < 1e-5);
        let mut rare = Prior::of_counts(&[20_000.0, 500.0, 0.0], 0.1, "counted").unwrap();
        let notices = |prior| of_sled_dogs([0.03, 0.02, 0.95], Some(prior)).notices;
        assert_eq!(notices(rare.clone()), [Notice::RareHere]);
        rare.france = true;
        assert_eq!(notices(rare), [Notice::Rare]);
    }

    #[test]
    fn an_answer_spread_over_many_breeds_is_unsure_but_not_over_one_type() {
        let classes: Vec<Class> = ["n02110185", "n02110063", "n02088364", "n02085620"]
            .into_iter()
            .enumerate()
            .map(|(output, id)| {
                Class::new(&Label {
                    id: id.into(),
                    name: id.into(),
                    name_fr: None,
                    output,
                })
            })
            .collect();
        let calibration = Calibration {
            spread_above: Some(0.6),
            unsure_below: 0.0,
            ..Calibration::default()
        };
        let of =
            |breeds: [f32; 4]| Probabilities::new(&breeds.map(f32::ln), &classes, &calibration);
        let over_a_type = of([0.5, 0.48, 0.01, 0.01]);
        let expected = -(0.98f32 * 0.98f32.ln() + 0.02 * 0.01f32.ln());
        assert!((over_a_type.spread - expected).abs() < 1e-5);
        assert_eq!(over_a_type.kind(&calibration), AnswerKind::Dog);
        let over_breeds = of([0.5, 0.01, 0.48, 0.01]);
        assert!(over_breeds.spread > 0.7);
        assert_eq!(over_breeds.kind(&calibration), AnswerKind::Unsure);
    }

    #[test]
    fn words_are_found_by_id_or_by_name() {
        let class = |id: &str, name: &str| {
            Class::new(&Label {
                id: id.into(),
                name: name.into(),
                name_fr: None,
                output: 0,
            })
        };
        let dingo = class("n02115641", "Dingo");
        assert!(dingo.wild && dingo.group.is_none());
        let rottweiler = class("3", "Rottweiler");
        assert!(rottweiler.category && !rottweiler.wild);
        assert_eq!(rottweiler.group.unwrap()[0], "2");
        let unknown = class("teapot", "Teapot");
        assert!(unknown.breed_id.is_none() && unknown.name_fr.is_none());
    }

    #[test]
    fn a_french_name_is_that_of_today_and_stays_the_packages_own() {
        let french = |id: &str, name_fr: &str| {
            let label = Label {
                id: id.into(),
                name: "A breed".into(),
                name_fr: Some(name_fr.into()),
                output: 0,
            };
            Class::new(&label).name_fr.unwrap()
        };
        let today = "American Staffordshire terrier";
        let staff = "n02093428";
        assert_eq!(french(staff, "American staffordshire terrier"), today);
        assert_eq!(french(staff, "Mon staff"), "Mon staff");
        // What museau itself called it before.
        let before = "Épagneul nain continental papillon";
        assert_eq!(french("n02086910", before), "Épagneul papillon");
    }

    #[test]
    fn a_network_of_dogs_alone_sees_a_dog_always() {
        let calibration = Calibration::default();
        let probabilities = Probabilities::new(&[0.0; 6], &classes(), &calibration);
        assert_eq!(probabilities.dog, 1.0);
        assert_eq!(probabilities.ranking(), [0, 1, 2, 3, 4, 5]);
    }
}
