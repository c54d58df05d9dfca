//! `museau weights fetch`: the published weights of a backbone.
use super::import::{read, unusable};
use super::store;
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::progress::Shown;
use crate::{model, terminal};
use anyhow::Result;
use clap::Args;
use data::fetch::{Archive, Checksum, FetchEvent, Origin, Patience, fetch};
use std::path::{Path, PathBuf};
use train::weights::{Top, import};
use words::{DataMessage, FileMessage, Say, WeightsMessage};
use zoo::{Head, PUBLISHED, Published};

/// Options of `museau weights fetch`.
#[derive(Debug, Args)]
#[command(after_help = published())]
pub struct FetchArguments {
    /// The backbone (listed below)
    #[arg(value_name = "BACKBONE")]
    backbone: String,
    /// With the classifier of ImageNet's 1000 classes
    #[arg(long)]
    top: bool,
    /// The published file from elsewhere: a file, a folder that holds it, or a URL
    #[arg(long, value_name = "FILE|FOLDER|URL")]
    from: Option<String>,
}

/// The networks that can be downloaded, for the help.
fn published() -> String {
    let mut names: Vec<&str> = PUBLISHED.iter().map(|file| file.backbone).collect();
    names.dedup();
    format!("Backbones: {}", names.join(", "))
}

/// Runs `museau weights fetch`.
pub fn run(context: &Context, arguments: &FetchArguments) -> Result<()> {
    let backbone = model::backbone(context, &arguments.backbone, &[])?;
    let published = PUBLISHED
        .iter()
        .find(|file| file.backbone == backbone.name && file.top == arguments.top);
    let Some(published) = published else {
        let mut known: Vec<_> = PUBLISHED.iter().map(|file| file.backbone).collect();
        known.dedup();
        let (name, known) = (backbone.name, &known.join(", "));
        let said = context.say(WeightsMessage::Unpublished { name, known });
        return Err(Failure::error(Status::Usage, said));
    };
    obtain(
        context,
        published,
        arguments.from.as_deref(),
        &store::folder(),
    )
}

/// Has the published file's weights in `folder`, unless they are there.
fn obtain(
    context: &Context,
    published: &Published,
    from: Option<&str>,
    folder: &Path,
) -> Result<()> {
    let backbone = model::backbone(context, published.backbone, &[])?;
    let head = match published.top {
        true => Head::Classes(zoo::imagenet::CLASSES),
        false => Head::Features,
    };
    let is_it = |kept: &store::Kept| {
        let classes = published.top.then_some(zoo::imagenet::CLASSES);
        let card = &kept.card;
        card.published && card.backbone == backbone.name && card.classes == classes
    };
    if let Some(kept) = store::kept(folder).into_iter().find(is_it) {
        if !context.quiet {
            let path = &kept.path.display().to_string();
            eprintln!("{}", context.say(DataMessage::FetchWasThere { path }));
        }
        return Ok(());
    }
    if !context.quiet {
        let licence = published.licence;
        eprintln!("{}", context.say(WeightsMessage::Licence { licence }));
    }
    let path = download(context, published, from, folder)?;
    let bytes = read(context, &path)?;
    // Where no checksum is published, this is what tells a wrong file.
    let imported = import(&bytes, backbone, Top::AsFound);
    let imported = match imported {
        Ok(imported) if imported.head == head => imported,
        Ok(_) => return refuse(context, &path, WeightsMessage::OtherTop),
        Err(error) => {
            // No rerun would make anything else of it.
            let _ = data::files::remove(&path);
            return Err(unusable(context, &path, &error, Top::LeftAside));
        }
    };
    let mut card = imported.card(backbone, published.file, &bytes);
    card.published = true;
    drop(bytes);
    let file = store::begin(context, folder, &card)?;
    store::write(context, backbone, &imported, &card, file)?;
    // What was downloaded is kept in museau's own form now.
    let _ = data::files::remove(&path);
    Ok(())
}

fn refuse(context: &Context, path: &Path, why: WeightsMessage<'_>) -> Result<()> {
    let _ = data::files::remove(path);
    let text = format!("{}: {}", terminal::shown(path), context.say(why));
    Err(Failure::error(Status::Unusable, text))
}

/// Brings the published file, checked, into the folder of downloads.
fn download(
    context: &Context,
    published: &Published,
    from: Option<&str>,
    folder: &Path,
) -> Result<PathBuf> {
    let archive = Archive {
        name: published.file,
        bytes: published.bytes,
        checksum: published.md5.map_or(Checksum::Unknown, Checksum::Md5),
    };
    let origin = match from {
        None => Origin::Address(published.address.to_owned()),
        Some(from) if from.starts_with("http://") || from.starts_with("https://") => {
            match from.ends_with('/') {
                true => Origin::Address(from.to_owned()),
                false => Origin::FileAddress(from.to_owned()),
            }
        }
        Some(from) if Path::new(from).is_dir() => Origin::Folder(PathBuf::from(from)),
        Some(from) => Origin::File(PathBuf::from(from)),
    };
    let folder = folder.join("downloads");
    let shown = Shown::of_bytes(context, archive.name);
    let progress = |event: FetchEvent<'_>| match event {
        FetchEvent::Bytes { arrived, all } => shown.now(arrived, all.unwrap_or(arrived)),
        FetchEvent::Pause { reason, pause } if !context.quiet => {
            let seconds = &pause.as_secs().to_string();
            shown.say(&context.say(DataMessage::FetchPause { reason, seconds }));
        }
        FetchEvent::Pause { .. } => {}
    };
    let made = data::files::make_folder(&folder).map_err(|error| {
        let path = &folder.display().to_string();
        let reason = &error.message(context.language);
        let said = context.say(FileMessage::CannotWrite { path, reason });
        Failure::error(Status::Failed, said)
    })?;
    let fetched = fetch(&archive, &origin, &folder, &Patience::default(), &progress)
        .map_err(|error| Failure::error(Status::Failed, error.message(context.language)))?;
    made.keep();
    shown.finish();
    Ok(fetched.path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    fn context() -> Context {
        Context::of_tests(2)
    }

    /// The weights of MobileNetV2 without its classifier, as a file that could be published.
    fn weights() -> Vec<u8> {
        let graph = zoo::find("mobilenet_v2").unwrap();
        let graph = graph.build(224, 224, Head::Features).unwrap();
        let parameters = train::initial_parameters(&graph, 1);
        let metadata = std::collections::BTreeMap::new();
        formats::write_safetensors(&parameters, formats::Precision::F32, &metadata).unwrap()
    }

    fn published(bytes: Option<u64>, md5: Option<&'static str>) -> Published {
        Published {
            backbone: "mobilenet_v2",
            top: false,
            address: "http://127.0.0.1:9/",
            file: "published.h5",
            bytes,
            md5,
            licence: "Apache-2.0",
        }
    }

    /// An address that answers every request with these bytes.
    fn served(bytes: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/some/file", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                for line in lines {
                    if line.is_ok_and(|line| line.is_empty()) {
                        break;
                    }
                }
                let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length:";
                let head = format!("{head} {}\r\n\r\n", bytes.len());
                let _ = stream.write_all(head.as_bytes());
                let _ = stream.write_all(&bytes);
            }
        });
        address
    }

    fn files(folder: &Path) -> Vec<String> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_file() {
                names.push(entry.file_name().into_string().unwrap());
            } else {
                names.extend(files(&entry.path()));
            }
        }
        names
    }

    #[test]
    fn a_good_file_lands_once_under_its_hash() {
        let (folder, bytes) = (tempfile::tempdir().unwrap(), weights());
        let file = published(Some(bytes.len() as u64), None);
        let hash = blake3::hash(&bytes).to_hex().to_string();
        let name = format!("mobilenet_v2-features-{}.safetensors", &hash[..12]);
        let address = served(bytes.clone());
        obtain(&context(), &file, Some(&address), folder.path()).unwrap();
        assert_eq!(files(folder.path()), std::slice::from_ref(&name));
        // Nothing is asked for a second time: without a network it is there.
        obtain(&context(), &file, None, folder.path()).unwrap();
        let kept = store::kept(folder.path());
        assert_eq!(kept.len(), 1);
        assert!(kept[0].card.published && kept[0].card.hash == hash);
        assert_eq!(kept[0].card.file, "published.h5");
        // What is kept is read as any file of weights, and cut it is not listed.
        let backbone = zoo::find("mobilenet_v2").unwrap();
        let whole = std::fs::read(&kept[0].path).unwrap();
        import(&whole, backbone, Top::AsFound).unwrap();
        std::fs::write(&kept[0].path, &whole[..whole.len() - 1]).unwrap();
        assert!(store::kept(folder.path()).is_empty());
        // From a file, as from an address.
        let elsewhere = tempfile::tempdir().unwrap();
        let local = elsewhere.path().join("mine");
        std::fs::write(&local, bytes).unwrap();
        obtain(&context(), &file, local.to_str(), folder.path()).unwrap();
        assert_eq!(store::kept(folder.path()).len(), 1);
        assert!(local.is_file());
    }

    #[test]
    fn what_is_not_the_published_file_leaves_nothing() {
        let page = b"<!doctype html><html><title>Log in</title>".to_vec();
        let length = Some(page.len() as u64);
        let wrong = Some("0123456789abcdef0123456789abcdef");
        let with_top = {
            let graph = zoo::find("mobilenet_v2").unwrap();
            let graph = graph.build(224, 224, Head::Classes(1000)).unwrap();
            let metadata = std::collections::BTreeMap::new();
            let parameters = train::initial_parameters(&graph, 1);
            formats::write_safetensors(&parameters, formats::Precision::F32, &metadata).unwrap()
        };
        for (bytes, file, reason) in [
            (page.clone(), published(length, None), "web page"),
            (page.clone(), published(None, None), "web page"),
            (page, published(Some(1000), None), "instead of"),
            (weights(), published(None, wrong), "checksum"),
            (with_top, published(None, None), "different classifier head"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let error = obtain(&context(), &file, Some(&served(bytes)), folder.path());
            let error = error.unwrap_err().to_string();
            assert!(error.contains(reason), "{reason}: {error}");
            assert!(
                files(folder.path()).is_empty(),
                "{:?}",
                files(folder.path())
            );
        }
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let file = published(None, None);
        assert!(obtain(&context(), &file, missing.to_str(), folder.path()).is_err());
        // A folder that cannot be written.
        let full = folder.path().join("a file");
        std::fs::write(&full, "").unwrap();
        let error = obtain(&context(), &file, Some(&served(weights())), &full);
        assert!(error.is_err());
    }
}
