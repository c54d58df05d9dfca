//! What lies where inside a tar archive, found without unpacking it.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use tar::EntryType;

use crate::error::{ArchiveFault, Error};

/// The longest name that is read.
const MOST_NAME_BYTES: u64 = 4096;
/// The most names that a path may have: each takes more memory than it has letters.
const MOST_NAMES: usize = 64;
/// The most members that are listed.
const MOST_MEMBERS: usize = 20_000_000;

/// A regular file inside an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// The names on the way to it, from the archive's top.
    pub names: Vec<String>,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// Its length, in bytes.
    pub bytes: u64,
}

/// What an archive holds.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Regular files.
    pub members: Vec<Member>,
    /// Links, devices and names that lead out of the archive, as they are written.
    pub refused: Vec<String>,
}

/// Lists an archive. Nothing is unpacked, and nothing that it claims is believed beyond its length.
pub(crate) fn list(path: &Path) -> Result<Contents, Error> {
    let mut file = BufReader::new(tensor::open_regular(path).map_err(Error::read(path))?);
    let length = file
        .seek(SeekFrom::End(0))
        .and_then(|length| file.rewind().map(|()| length))
        .map_err(Error::read(path))?;
    let fault = |fault| Error::Archive {
        path: path.to_owned(),
        fault,
    };
    let mut head = [0; 512];
    let head = match file.read_exact(&mut head) {
        Ok(()) => &head[..],
        Err(_) => return Err(fault(ArchiveFault::NotATar)),
    };
    if head.starts_with(&[0x1f, 0x8b])
        || head.starts_with(b"BZh")
        || head.starts_with(b"\xFD7zXZ\0")
        || head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
    {
        return Err(fault(ArchiveFault::Compressed));
    }
    file.rewind().map_err(Error::read(path))?;
    let mut contents = Contents::default();
    let mut archive = tar::Archive::new(file);
    let entries = archive
        .entries_with_seek()
        .map_err(|_| fault(ArchiveFault::NotATar))?;
    let mut long_name: Option<Vec<u8>> = None;
    let mut first = true;
    // Raw entries: the library would read a long name of any claimed length into memory.
    for entry in entries.raw(true) {
        let broken = if first {
            ArchiveFault::NotATar
        } else {
            ArchiveFault::CutOff
        };
        let mut entry = entry.map_err(|_| fault(broken))?;
        first = false;
        let kind = entry.header().entry_type();
        let bytes = entry
            .header()
            .entry_size()
            .map_err(|_| fault(ArchiveFault::CutOff))?;
        let offset = entry.raw_file_position();
        if offset.checked_add(bytes).is_none_or(|end| end > length) {
            return Err(fault(ArchiveFault::CutOff));
        }
        match kind {
            EntryType::GNULongName | EntryType::XHeader => {
                let mut text = Vec::new();
                entry
                    .by_ref()
                    .take(MOST_NAME_BYTES)
                    .read_to_end(&mut text)
                    .map_err(|_| fault(ArchiveFault::CutOff))?;
                if kind == EntryType::GNULongName {
                    while text.last() == Some(&0) {
                        text.pop();
                    }
                    long_name = Some(text);
                } else if let Some(name) = name_of_pax(&text) {
                    long_name = Some(name);
                }
            }
            EntryType::GNULongLink | EntryType::XGlobalHeader => {}
            EntryType::Directory => long_name = None,
            EntryType::Regular | EntryType::Continuous => {
                let name = long_name
                    .take()
                    .unwrap_or_else(|| entry.header().path_bytes().into_owned());
                let plain = std::str::from_utf8(&name).ok().and_then(plain_names);
                match plain {
                    Some(names) => contents.members.push(Member {
                        names,
                        offset,
                        bytes,
                    }),
                    None => {
                        let name = String::from_utf8_lossy(&name).into_owned();
                        contents.refused.push(name);
                    }
                }
            }
            _ => {
                let name = long_name
                    .take()
                    .unwrap_or_else(|| entry.header().path_bytes().into_owned());
                contents
                    .refused
                    .push(String::from_utf8_lossy(&name).into_owned());
            }
        }
        if contents.members.len() + contents.refused.len() > MOST_MEMBERS {
            return Err(fault(ArchiveFault::CutOff));
        }
    }
    if first {
        return Err(fault(ArchiveFault::NotATar));
    }
    Ok(contents)
}

/// The names of a path that stays inside; a leading `./` says nothing.
fn plain_names(path: &str) -> Option<Vec<String>> {
    let names: Vec<&str> = path.split('/').filter(|name| *name != ".").collect();
    let plain = |name: &&str| !name.is_empty() && *name != ".." && !name.contains(['\\', '\0']);
    ((1..=MOST_NAMES).contains(&names.len()) && names.iter().all(plain))
        .then(|| names.into_iter().map(str::to_owned).collect())
}

/// The value of `path` in a pax header: lines of `LENGTH KEY=VALUE`.
fn name_of_pax(text: &[u8]) -> Option<Vec<u8>> {
    text.split(|&byte| byte == b'\n').find_map(|line| {
        let space = line.iter().position(|&byte| byte == b' ')?;
        line[space + 1..].strip_prefix(b"path=").map(<[u8]>::to_vec)
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A tar of regular files.
    pub(crate) fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, *bytes).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn listed(bytes: &[u8]) -> Result<Contents, ArchiveFault> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        std::fs::write(&path, bytes).unwrap();
        list(&path).map_err(|error| match error {
            Error::Archive { fault, .. } => fault,
            other => panic!("{other}"),
        })
    }

    /// A tar with one raw header.
    fn raw(kind: EntryType, name: &[u8], size: u64) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.set_size(size);
        header.set_entry_type(kind);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend([0; 1024]);
        bytes
    }

    #[test]
    fn files_are_found_where_they_lie() {
        let long = format!("Images/{}/a.jpg", "x".repeat(180));
        let bytes = tar_of(&[("./Images/pug/a.jpg", b"one"), (&long, b"three")]);
        let contents = listed(&bytes).unwrap();
        assert_eq!(contents.members[0].names, ["Images", "pug", "a.jpg"]);
        assert_eq!(contents.members[1].names.join("/"), long);
        for (member, expected) in contents.members.iter().zip([&b"one"[..], b"three"]) {
            let start = member.offset as usize;
            assert_eq!(&bytes[start..start + member.bytes as usize], expected);
        }
    }

    #[test]
    fn what_leads_out_is_refused_by_name() {
        for (kind, name) in [
            (EntryType::Regular, &b"../../etc/passwd"[..]),
            (EntryType::Regular, b"/etc/passwd"),
            (EntryType::Regular, b"pug/..\\a.jpg"),
            (EntryType::Symlink, b"pug/a.jpg"),
            (EntryType::Link, b"pug/a.jpg"),
            (EntryType::Fifo, b"pug/a.jpg"),
        ] {
            let contents = listed(&raw(kind, name, 0)).unwrap();
            assert!(contents.members.is_empty());
            assert_eq!(contents.refused, [String::from_utf8_lossy(name)]);
        }
    }

    #[test]
    fn claims_beyond_the_end_are_not_believed() {
        for kind in [
            EntryType::Regular,
            EntryType::GNULongName,
            EntryType::XHeader,
        ] {
            let bytes = raw(kind, b"pug/a.jpg", 10 << 30);
            assert_eq!(listed(&bytes).unwrap_err(), ArchiveFault::CutOff);
        }
    }

    #[test]
    fn every_prefix_is_survived_and_none_gives_a_file_that_is_not_there() {
        let bytes = tar_of(&[("pug/a.jpg", &[7; 700]), ("pug/b.jpg", b"two")]);
        for length in 0..bytes.len() {
            match listed(&bytes[..length]) {
                Ok(contents) => {
                    let whole = |member: &Member| member.offset + member.bytes <= length as u64;
                    assert!(contents.members.iter().all(whole), "{length}");
                }
                Err(fault) => assert_ne!(fault, ArchiveFault::Compressed),
            }
        }
    }

    #[test]
    fn other_files_are_named_as_what_they_are() {
        assert_eq!(listed(b"").unwrap_err(), ArchiveFault::NotATar);
        assert_eq!(listed(&[b'x'; 2000]).unwrap_err(), ArchiveFault::NotATar);
        let mut packed = vec![0x1f, 0x8b];
        packed.resize(600, 1);
        assert_eq!(listed(&packed).unwrap_err(), ArchiveFault::Compressed);
    }
}
