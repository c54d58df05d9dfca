//! Writes HDF5 as Keras's own files have it: groups by name, arrays of f32 stored in one piece,
//! attributes that are texts. The layout is the format's oldest (superblock 0, object headers 1,
//! symbol tables), which every library reads. Section numbers are those of the HDF5 File Format
//! Specification, version 3.0.
use std::collections::BTreeMap;
use tensor::Tensor;

/// A group, or what it holds.
#[derive(Default)]
pub(super) struct Group<'a> {
    pub texts: Vec<(String, Text)>,
    pub groups: BTreeMap<String, Group<'a>>,
    pub arrays: BTreeMap<String, Array<'a>>,
}

/// The values of a tensor, in other dimensions where Keras has others.
pub(super) struct Array<'a> {
    pub dimensions: Vec<usize>,
    pub tensor: &'a Tensor,
}

/// An attribute's value.
pub(super) enum Text {
    /// One text of any length.
    One(String),
    /// A list; all of it within [`LONGEST_LIST`].
    List(Vec<String>),
}

/// Bytes that an attribute's list may take: a message of an object header holds less than 64 KiB, and
/// Keras stops here too (`HDF5_OBJECT_HEADER_LIMIT`).
pub(super) const LONGEST_LIST: usize = 64_512;

impl<'a> Group<'a> {
    /// The group at this path, made where it is not.
    pub fn at(&mut self, path: &str) -> &mut Group<'a> {
        path.split('/').fold(self, |group, name| {
            group.groups.entry(name.to_owned()).or_default()
        })
    }

    /// A list of names, spread over several attributes where it is too long for one, as Keras does.
    pub fn set_list(&mut self, name: &str, all: Vec<String>) {
        let longest = all.iter().map(String::len).max().unwrap_or(0).max(1);
        let each = (LONGEST_LIST / longest).max(1);
        if all.len() <= each {
            return self.texts.push((name.to_owned(), Text::List(all)));
        }
        for (part, names) in all.chunks(each).enumerate() {
            let list = Text::List(names.to_vec());
            self.texts.push((format!("{name}{part}"), list));
        }
    }

    /// The file whose root this group is.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut file = File(vec![0; SUPERBLOCK]);
        let root = file.group(self);
        let end = file.0.len() as u64;
        file.0[..SUPERBLOCK].copy_from_slice(&superblock(root, end));
        file.0
    }
}

/// No address (a file has no such end).
const NOWHERE: u64 = u64::MAX;
/// Bytes of the superblock, with the root's entry.
const SUPERBLOCK: usize = 96;
/// Half of the names in a leaf of a group's tree, and half of the children of an inner node; the
/// library's own numbers.
const LEAF: usize = 4;
const INNER: usize = 16;

/// Texts of one length, filled with zeros (IV.A.2.d, class 3, UTF-8); their size comes behind.
const FIXED: &[u8] = &[0x13, 0x11, 0, 0];

/// II.A, version 0.
fn superblock(root: u64, end: u64) -> Vec<u8> {
    let mut bytes = b"\x89HDF\r\n\x1a\n".to_vec();
    // Versions, and the sizes of an offset and a length.
    bytes.extend([0, 0, 0, 0, 0, 8, 8, 0]);
    bytes.extend((LEAF as u16).to_le_bytes());
    bytes.extend((INNER as u16).to_le_bytes());
    bytes.extend([0; 4]);
    for address in [0, NOWHERE, end, NOWHERE] {
        bytes.extend(address.to_le_bytes());
    }
    entry(&mut bytes, 0, root);
    bytes
}

/// III.C: a name's place in the heap, and where its object is; nothing is cached.
fn entry(bytes: &mut Vec<u8>, name: u64, object: u64) {
    bytes.extend(name.to_le_bytes());
    bytes.extend(object.to_le_bytes());
    bytes.extend([0; 24]);
}

/// A multiple of 8, as all that is stored begins and ends.
fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(8), 0);
}

/// A file in the making.
struct File(Vec<u8>);

impl File {
    /// Where the bytes were put.
    fn put(&mut self, bytes: &[u8]) -> u64 {
        pad(&mut self.0);
        let address = self.0.len() as u64;
        self.0.extend(bytes);
        address
    }

    /// Writes a group and what it holds; gives its header's address.
    fn group(&mut self, group: &Group<'_>) -> u64 {
        let mut members: BTreeMap<&str, u64> = BTreeMap::new();
        for (name, array) in &group.arrays {
            members.insert(name, self.array(array));
        }
        for (name, inner) in &group.groups {
            members.insert(name, self.group(inner));
        }
        let (heap, names) = self.heap(members.keys().copied());
        let tree = self.tree(&names, &members.into_values().collect::<Vec<_>>());
        let mut messages = vec![(0x11, [tree.to_le_bytes(), heap.to_le_bytes()].concat())];
        for (name, text) in &group.texts {
            messages.push((0x0C, self.attribute(name, text)));
        }
        self.header(&messages)
    }

    /// IV.A.1.a: an object header, version 1.
    fn header(&mut self, messages: &[(u16, Vec<u8>)]) -> u64 {
        let mut body = Vec::new();
        for (kind, message) in messages {
            let size = message.len().next_multiple_of(8) as u16;
            body.extend(kind.to_le_bytes());
            body.extend(size.to_le_bytes());
            body.extend([0; 4]);
            body.extend(message);
            pad(&mut body);
        }
        let mut header = vec![1, 0];
        header.extend((messages.len() as u16).to_le_bytes());
        header.extend(1u32.to_le_bytes());
        header.extend((body.len() as u32).to_le_bytes());
        pad(&mut header);
        header.extend(body);
        self.put(&header)
    }

    /// An array of f32: its values, then its header.
    fn array(&mut self, array: &Array<'_>) -> u64 {
        pad(&mut self.0);
        let address = self.0.len() as u64;
        let values = array.tensor.values();
        self.0
            .extend(values.iter().flat_map(|value| value.to_le_bytes()));
        // IV.A.2.i: contiguous, layout version 3.
        let mut layout = vec![3, 1];
        layout.extend(if values.is_empty() { NOWHERE } else { address }.to_le_bytes());
        layout.extend((4 * values.len() as u64).to_le_bytes());
        // IV.A.2.d: a little-endian IEEE number; where its sign, exponent and mantissa are.
        let mut number = vec![0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23];
        number.extend(127u32.to_le_bytes());
        self.header(&[
            (0x01, space(&array.dimensions)),
            (0x03, number),
            (0x08, layout),
        ])
    }

    /// III.D: the names of a group's members, each from a multiple of 8 on; the heap, and the places.
    fn heap<'n>(&mut self, names: impl Iterator<Item = &'n str>) -> (u64, Vec<u64>) {
        // The first is the empty name, below all others.
        let (mut data, mut places) = (vec![0; 8], Vec::new());
        for name in names {
            places.push(data.len() as u64);
            data.extend(name.as_bytes());
            data.push(0);
            pad(&mut data);
        }
        let address = self.put(&data);
        let mut heap = b"HEAP\0\0\0\0".to_vec();
        // That nothing in it is free is written as 1.
        for number in [data.len() as u64, 1, address] {
            heap.extend(number.to_le_bytes());
        }
        (self.put(&heap), places)
    }

    /// III.A.1 and III.B: leaves of names in their order, and a tree over them. `names` are places in
    /// the heap.
    fn tree(&mut self, names: &[u64], objects: &[u64]) -> u64 {
        // Of each child: where it is, and its last name.
        let mut children: Vec<(u64, u64)> = Vec::new();
        for (names, objects) in names.chunks(2 * LEAF).zip(objects.chunks(2 * LEAF)) {
            let mut leaf = b"SNOD\x01\0".to_vec();
            leaf.extend((names.len() as u16).to_le_bytes());
            for (&name, &object) in names.iter().zip(objects) {
                entry(&mut leaf, name, object);
            }
            leaf.resize(8 + 2 * LEAF * 40, 0);
            let last = names.last().copied().unwrap_or_default();
            children.push((self.put(&leaf), last));
        }
        for level in 0u8.. {
            children = self.level(level, &children);
            if children.len() == 1 {
                break;
            }
        }
        children[0].0
    }

    /// One level of a tree, from the one below; at least one node.
    fn level(&mut self, level: u8, below: &[(u64, u64)]) -> Vec<(u64, u64)> {
        const SIZE: usize = 24 + 8 * (2 * INNER + 1) + 8 * 2 * INNER;
        pad(&mut self.0);
        let first = self.0.len() as u64;
        let all = below.len().div_ceil(2 * INNER).max(1);
        let address = |node: usize| match node < all {
            true => first + (node * SIZE) as u64,
            false => NOWHERE,
        };
        // The key before a child is the last name of the one before it.
        let mut key = 0u64;
        let mut nodes = Vec::new();
        for node in 0..all {
            let start = node * 2 * INNER;
            let children = &below[start..below.len().min(start + 2 * INNER)];
            let mut bytes = b"TREE\0".to_vec();
            bytes.push(level);
            bytes.extend((children.len() as u16).to_le_bytes());
            for sibling in [node.wrapping_sub(1), node + 1] {
                bytes.extend(address(sibling).to_le_bytes());
            }
            bytes.extend(key.to_le_bytes());
            for &(child, last) in children {
                bytes.extend(child.to_le_bytes());
                bytes.extend(last.to_le_bytes());
                key = last;
            }
            bytes.resize(SIZE, 0);
            nodes.push((self.put(&bytes), key));
        }
        nodes
    }

    /// IV.A.2.m: an attribute, version 1.
    fn attribute(&mut self, name: &str, text: &Text) -> Vec<u8> {
        let (datatype, space, data) = match text {
            Text::One(text) if text.len() <= LONGEST_LIST => {
                let size = (text.len().max(1) as u32).to_le_bytes();
                let mut data = text.as_bytes().to_vec();
                data.resize(text.len().max(1), 0);
                ([FIXED, &size].concat(), space(&[]), data)
            }
            Text::One(text) => {
                // Of any length: bytes that stand elsewhere (class 9, a text, UTF-8).
                let mut datatype = vec![0x19, 1, 1, 0, 16, 0, 0, 0];
                datatype.extend([0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0]);
                let mut data = (text.len() as u32).to_le_bytes().to_vec();
                data.extend(self.global_heap(text.as_bytes()).to_le_bytes());
                data.extend(1u32.to_le_bytes());
                (datatype, space(&[]), data)
            }
            Text::List(all) => {
                let longest = all.iter().map(String::len).max().unwrap_or(0).max(1);
                let datatype = [FIXED, &(longest as u32).to_le_bytes()].concat();
                let mut data = Vec::with_capacity(longest * all.len());
                for text in all {
                    data.extend(text.as_bytes());
                    data.resize(data.len() + longest - text.len(), 0);
                }
                (datatype, space(&[all.len()]), data)
            }
        };
        let mut message = vec![1, 0];
        for size in [name.len() + 1, datatype.len(), space.len()] {
            message.extend((size as u16).to_le_bytes());
        }
        message.extend(name.as_bytes());
        message.push(0);
        pad(&mut message);
        message.extend(datatype);
        pad(&mut message);
        message.extend(space);
        pad(&mut message);
        message.extend(data);
        message
    }

    /// III.E: a collection of one object, its first.
    fn global_heap(&mut self, object: &[u8]) -> u64 {
        /// The library takes none that is smaller.
        const LEAST: usize = 4096;
        let mut heap = b"GCOL\x01\0\0\0".to_vec();
        let size = (32 + object.len().next_multiple_of(8)).max(LEAST);
        heap.extend((size as u64).to_le_bytes());
        heap.extend([1, 0, 1, 0, 0, 0, 0, 0]);
        heap.extend((object.len() as u64).to_le_bytes());
        heap.extend(object);
        pad(&mut heap);
        // What is free is object 0, where it is large enough for its own header.
        let free = size - heap.len();
        if free >= 16 {
            heap.extend([0; 8]);
            heap.extend((free as u64).to_le_bytes());
        }
        heap.resize(size, 0);
        self.put(&heap)
    }
}

/// IV.A.2.b: dimensions, version 1.
fn space(dimensions: &[usize]) -> Vec<u8> {
    let mut bytes = vec![1, dimensions.len() as u8, 0, 0, 0, 0, 0, 0];
    bytes.extend(
        dimensions
            .iter()
            .flat_map(|&size| (size as u64).to_le_bytes()),
    );
    bytes
}
