//! The apps: what a person comes for. Each is a folder with its state, addresses, texts and script;
//! another one is a folder and a line here.
mod classify;
mod demo;
mod review;

pub use self::classify::classify;
pub use self::demo::demo;
pub use self::review::review;

use crate::service::Service;
use crate::site::Asset;
use anyhow::Result;
use axum::Router;
use words::Language;

/// All apps.
pub(crate) static APPS: [&About; 3] = [&classify::ABOUT, &demo::ABOUT, &review::ABOUT];

/// What an app is, whatever it shows.
pub(crate) struct About {
    /// Its folder, and where it stands (`/demo`) unless it is the first of its site.
    pub(crate) name: &'static str,
    /// What its tab says.
    pub(crate) title: fn(Language) -> &'static str,
    pub(crate) script: Asset,
    /// Whether its pages write files: then only this machine's own browser may ask.
    pub(crate) writes: bool,
}

/// An app with what it shows, to be served.
pub struct App {
    pub(crate) about: &'static About,
    /// Its addresses, which begin with this base: nothing, or `/demo`.
    pub(crate) open: Open,
}

pub(crate) type Open = Box<dyn FnOnce(Option<&Service>, &str) -> Result<Router> + Send>;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::{Path, PathBuf};
    use testkit::{french_faults, placeholders};

    type Texts = BTreeMap<String, BTreeMap<String, String>>;

    fn sources() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
    }

    #[test]
    fn every_folder_is_in_the_list_with_its_own_script_and_title() {
        let folders = std::fs::read_dir(sources().join("apps")).unwrap();
        let folders = folders.map(|entry| entry.unwrap().path());
        let folders: BTreeSet<String> = folders
            .filter(|path| path.is_dir())
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        let listed: BTreeSet<String> = APPS.iter().map(|app| app.name.to_owned()).collect();
        assert_eq!(listed, folders);
        assert_eq!(listed.len(), APPS.len(), "an app is listed twice");
        for app in APPS {
            assert_eq!(app.script.name, format!("{}.js", app.name));
            let script = sources().join("apps").join(app.name).join(app.script.name);
            assert_eq!(std::fs::read_to_string(script).unwrap(), app.script.content);
            for language in Language::ALL {
                assert!(!(app.title)(language).is_empty(), "{}", app.name);
            }
        }
    }

    #[test]
    fn every_text_stands_in_both_languages_and_is_rightly_set() {
        let apps = APPS.iter().map(|app| format!("apps/{}", app.name));
        for folder in apps.chain(["site".to_owned()]) {
            let file = std::fs::read_to_string(sources().join(&folder).join("texts.toml"));
            let texts: Texts = toml::from_str(&file.unwrap()).unwrap();
            let (french, english) = (&texts["fr"], &texts["en"]);
            assert_eq!(texts.len(), Language::ALL.len(), "{folder}");
            assert!(french.keys().eq(english.keys()), "{folder}");
            for (name, french) in french {
                let english = &english[name];
                let named = format!("{folder}: {name}");
                assert!(!french.is_empty() && !english.trim().is_empty(), "{named}");
                assert_eq!(placeholders(french), placeholders(english), "{named}");
                assert_eq!(french_faults(french), Vec::<String>::new(), "{named}");
                assert!(!english.contains(['\'', '"']), "{named}");
            }
        }
    }
}
