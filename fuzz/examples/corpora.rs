//! Makes the fuzzers' seeds: `cargo run --release --example corpora -- FOLDER`. Files that are there
//! stay. With `MUSEAU_TESTDATA`, its small odd files are seeds too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use formats::Precision;
use graph::{
    Activation, Conv2d, DepthwiseConv2d, Geometry, Graph, NodeId, Op, Padding, Pool2d, View,
};
use museau_fuzz::taken_apart;
use package::Package;
use tensor::{NamedTensors, Tensor};
use vision::Format;

/// Larger files are no good seeds: a mutation of them hardly ever meets what matters.
const MOST_BYTES: usize = 100_000;

fn main() {
    let corpus = PathBuf::from(std::env::args().nth(1).expect("the folder of the corpora"));
    let put = |target: &str, name: &str, bytes: &[u8]| {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join(format!("seed-{name}"));
        if !file.exists() && bytes.len() <= MOST_BYTES {
            fs::write(file, bytes).expect("a seed");
        }
    };
    photos(&put);
    weights(&put);
    tables(&put);
    archives(&put);
    texts(&put);
    forms(&put);
}

/// Where a seed goes: target, name, bytes.
type Put<'a> = dyn Fn(&str, &str, &[u8]) + 'a;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The files below a folder, by name.
fn files_below(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return found;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else if let Ok(bytes) = fs::read(&path) {
            found.push((entry.file_name().to_string_lossy().into_owned(), bytes));
        }
    }
    found.sort();
    found
}

fn photos(put: &Put<'_>) {
    let golden = root().join("crates/vision/tests/golden");
    let mut folders = vec![golden.join("formats"), golden.join("heic")];
    if let Some(data) = std::env::var_os("MUSEAU_TESTDATA") {
        folders.extend(["odd-files", "bug-inputs"].map(|name| Path::new(&data).join(name)));
    }
    for (name, bytes) in folders.iter().flat_map(|folder| files_below(folder)) {
        let target = match Format::of(&bytes) {
            Ok(Format::Jpeg) => "jpeg",
            Ok(Format::Png) => "png",
            Ok(Format::WebP) => "webp",
            Ok(Format::Gif) => "gif",
            Ok(Format::Bmp) => "bmp",
            Ok(Format::Tiff) => "tiff",
            Ok(Format::Heic) => "heic",
            Err(_) => continue,
        };
        put(target, &name, &bytes);
    }
}

fn weights(put: &Put<'_>) {
    for (name, bytes) in files_below(&root().join("tests/golden/files")) {
        let is_keras = bytes.starts_with(b"\x89HDF");
        put(if is_keras { "keras" } else { "pytorch" }, &name, &bytes);
        if let Some(pickle) = stored(&bytes, b"data.pkl") {
            put("pytorch", &format!("pickle-{name}"), &[b"Z", pickle].concat());
        }
    }
    let tensors: NamedTensors = [
        ("a", Tensor::from_slice([2, 2], &[1.0, 2.0, 3.0, 4.0])),
        ("b/bias", Tensor::from_slice([1], &[0.5])),
    ]
    .into_iter()
    .map(|(name, tensor)| (name.to_owned(), tensor.expect("a tensor")))
    .collect();
    let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    for (name, precision) in [("f32", Precision::F32), ("f16", Precision::F16)] {
        let file = formats::write_safetensors(&tensors, precision, &metadata).expect("a file");
        put("safetensors", name, &file);
        put("safetensors", &format!("apart-{name}"), &taken_apart(&file));
    }
    for (name, package) in [("plain", package(false)), ("every-operation", package(true))] {
        let bytes = package.to_bytes().expect("a package");
        put("package", name, &taken_apart(&bytes));
    }
}

/// The content of a stored file of a zip, by the end of its name.
fn stored<'a>(zip: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let number = |at: usize, bytes: usize| {
        let field = zip.get(at..at + bytes)?.iter().rev();
        Some(field.fold(0, |number, &byte| number << 8 | usize::from(byte)))
    };
    let mut at = zip.windows(4).position(|mark| mark == b"PK\x01\x02")?;
    while zip.get(at..at + 4) == Some(b"PK\x01\x02") {
        let length = number(at + 20, 4)?;
        let [own, extra, comment] = [number(at + 28, 2)?, number(at + 30, 2)?, number(at + 32, 2)?];
        let local = number(at + 42, 4)?;
        if zip.get(at + 46..at + 46 + own)?.ends_with(name) {
            let start = local + 30 + number(local + 26, 2)? + number(local + 28, 2)?;
            return zip.get(start..start + length);
        }
        at += 46 + own + extra + comment;
    }
    None
}

/// The small package of the tests, with one operation of each kind where `every` is asked for.
fn package(every: bool) -> Package {
    let mut package = package::samples::tiny();
    let (height, width, channels) = (8, 6, 3);
    let mut graph = Graph::new();
    let input = Op::Input {
        height,
        width,
        channels,
    };
    let mut last = graph.add("input", input, &[]).expect("an input");
    if every {
        last = every_operation(&mut graph, last);
    }
    let pool = Op::GlobalAveragePool {
        keep_dimensions: false,
    };
    last = graph.add("pool", pool, &[last]).expect("a pool");
    let dense = Op::Dense {
        units: 4,
        bias: true,
    };
    graph.add("dense", dense, &[last]).expect("a dense layer");
    package.weights = (graph.parameters().into_iter())
        .map(|spec| {
            let values = vec![0.5; spec.shape.elements()];
            let tensor = Tensor::from_slice(spec.shape, &values).expect("a tensor");
            (spec.name, tensor)
        })
        .collect();
    package.graph = graph;
    let view = |geometry, mirrored| View { geometry, mirrored };
    package.about.input.views = vec![
        view(Geometry::Stretch, false),
        view(Geometry::CenterCrop { fraction: 0.875 }, true),
    ];
    if every {
        package.about.input.preprocessing = "clahe(2,8) | gaussian(3)".into();
    }
    package
}

/// Adds an operation of each kind; answers the last.
fn every_operation(graph: &mut Graph, image: NodeId) -> NodeId {
    let ones = Padding {
        top: 1,
        bottom: 1,
        left: 1,
        right: 1,
    };
    let window = Pool2d {
        kernel: [2, 2],
        stride: [1, 1],
        padding: Padding::default(),
    };
    let conv = Conv2d {
        filters: 4,
        kernel: [3, 3],
        stride: [1, 1],
        padding: ones,
        bias: true,
    };
    let depthwise = DepthwiseConv2d {
        kernel: [3, 3],
        stride: [1, 1],
        padding: ones,
        bias: false,
    };
    let norm = Op::BatchNorm {
        epsilon: 1e-3,
        momentum: 0.99,
        scale: true,
    };
    let affine = Op::Affine {
        scale: 0.5,
        offset: 1.0,
    };
    let dropout = Op::Dropout {
        rate: 0.5,
        per_sample: false,
    };
    let mut add = |name: &str, op: Op, inputs: &[_]| graph.add(name, op, inputs).expect(name);
    let first = add("conv", Op::Conv2d(conv), &[image]);
    let depth = add("depth", Op::DepthwiseConv2d(depthwise), &[first]);
    let norm = add("norm", norm, &[depth]);
    let act = add("act", Op::Activation(Activation::Swish), &[norm]);
    let sum = add("sum", Op::Add, &[act, first]);
    let mean = Op::GlobalAveragePool {
        keep_dimensions: true,
    };
    let mean = add("mean", mean, &[sum]);
    let scaled = add("scaled", Op::Multiply, &[sum, mean]);
    let joined = add("joined", Op::Concat, &[scaled, first]);
    let joined = add("affine", affine, &[joined]);
    let most = add("most", Op::MaxPool(window), &[joined]);
    let average = add("average", Op::AveragePool(window), &[most]);
    let padded = add("padded", Op::ZeroPad(ones), &[average]);
    let cropped = add("cropped", Op::Crop(ones), &[padded]);
    add("dropout", dropout, &[cropped])
}

fn tables(put: &Put<'_>) {
    let hash = "0123456789abcdef".repeat(4);
    let other = "fedcba9876543210".repeat(4);
    let manifest = format!(
        "path,offset,bytes,hash,class,breed,split,width,height,original_width,original_height,\
         boxes,group\n\
         a.jpg,,1000,{hash},beagle,n02088364,train,224,224,500,375,\"[[1.0,2.0,30.0,40.0]]\",x\n\
         \"photos.tar/b, c.jpg\",512,900,{other},\"Épagneul \"\"nain\"\"\",,test,10,20,,,,\n"
    );
    put("tables", "manifest", format!("m{manifest}").as_bytes());
    let crlf = manifest.replace('\n', "\r\n").replace(',', ";");
    put("tables", "manifest-crlf", format!("m{crlf}").as_bytes());
    let predictions = "ppath,label,answer,beagle,\"a,b\"\nx/1.jpg,beagle,beagle,0.75,0.25\n\
                       x/2.jpg,,beagle,1,0\n";
    put("tables", "predictions", predictions.as_bytes());
    let decisions = format!(
        "dpath,hash,verdict,who,why\na.jpg,{hash},drop,me,blurred 3.5\n\
         b.jpg,{other},class:beagle,me,\"label: 'pug', says so\"\nc.jpg,{hash},keep,,\n"
    );
    put("tables", "decisions", decisions.as_bytes());
    put("tables", "labels", b"lpath;label;split\na.jpg;beagle;train\nb.jpg;pug;test\n");
    put("tables", "labels-tab", b"lfilename\trace\n/etc/hostname\tpug\n");
    let utf16: Vec<u8> = "\u{feff}Label,path\né,a.jpg\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    put("tables", "labels-utf16", &[b"l", &utf16[..]].concat());
}

fn archives(put: &Put<'_>) {
    let photo = root().join("crates/vision/tests/golden/formats/one_pixel.jpg");
    let photo = fs::read(photo).expect("a photo");
    let member = |name: &str, kind: u8, content: &[u8]| {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..108].copy_from_slice(b"0000644\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        header[156] = kind;
        header[257..265].copy_from_slice(b"ustar\x0000");
        let mut bytes = [&header[..], content].concat();
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    };
    let long = format!("Images/n02088364-beagle/{}.jpg", "x".repeat(120));
    let pax = format!("{} path={long}\n", long.len() + 10);
    let end = vec![0; 1024];
    let folders = [
        member("Images/", b'5', b""),
        member("Images/n02088364-beagle/a.jpg", b'0', &photo),
        member("Images/n02110958-pug/b.jpg", b'0', &photo),
    ];
    let parts = [
        member("set/train/beagle/a.jpg", b'0', &photo),
        member("set/test/pug/b.jpg", b'0', &photo),
        member("set/test/pug/link.jpg", b'2', b""),
        member("../../outside.jpg", b'0', b"no photo"),
    ];
    let longs = [
        member("././@LongLink", b'L', long.as_bytes()),
        member("short", b'0', &photo),
        member("PaxHeaders/x", b'x', pax.as_bytes()),
        member("short", b'0', &photo),
    ];
    for (name, members) in [
        ("folders", folders.concat()),
        ("parts", parts.concat()),
        ("long-names", longs.concat()),
    ] {
        put("tar", name, &[&members[..], &end].concat());
    }
    let element = |kind: u32, body: &[u8]| {
        let mut bytes = [kind.to_le_bytes(), (body.len() as u32).to_le_bytes()].concat();
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    };
    let array = |class: u32, dimensions: [i32; 2], name: &str, body: &[u8]| {
        let flags = [class.to_le_bytes(), [0; 4]].concat();
        let sizes = dimensions.map(i32::to_le_bytes).concat();
        let head = [element(6, &flags), element(5, &sizes), element(1, name.as_bytes())].concat();
        element(14, &[&head[..], body].concat())
    };
    let cells: Vec<u8> = ["pug/a.jpg", "é/b.jpg"]
        .iter()
        .flat_map(|text| array(4, [1, text.len() as i32], "", &element(16, text.as_bytes())))
        .collect();
    let list = array(1, [2, 1], "file_list", &cells);
    let labels = array(6, [2, 1], "labels", &element(2, &[1, 2]));
    let mut head = vec![b' '; 124];
    head.extend([0x00, 0x01, b'I', b'M']);
    put("matlab", "plain", &[&head[..], &labels, &list].concat());
    put("matlab", "packed", &[b"C", &list[..]].concat());
}

fn texts(put: &Put<'_>) {
    let recipe = train::Recipe::parse("").expect("the defaults").text();
    put("recipe", "defaults", recipe.as_bytes());
    let own = "[data]\nsource = \"photos.csv\"\nclasses = [\"beagle\", \"pug\"]\n\
               [model]\nfilters = [8, 16]\nactivation = \"swish\"\n\
               [optimizer]\nname = \"sgd\"\nmomentum = 0.9\nrate = 1\n\
               [schedule]\nname = \"one_cycle\"\nrise = 0.5\n\
               [augment]\nsteps = \"flip | crop(0.1)\"\n[train]\nepochs = 3\nseed = 7\n";
    put("recipe", "own", own.as_bytes());
    for kind in vision::filters::registry() {
        put("steps", &format!("filter-{}", kind.name), kind.name.as_bytes());
    }
    for kind in vision::augment::registry() {
        put("steps", &format!("augment-{}", kind.name), kind.name.as_bytes());
    }
    for (name, text) in [
        ("classic", "clahe(2,8) | gaussian(3) | bilateral(5,50,50) | median(3)"),
        ("sizes", "resize(64,48,area) | crop(0,0,8,8) | resize(16,box)"),
        ("moves", "flip | rotate(10) | zoom(0.1) | shift(0.1) | erase(0.2)"),
    ] {
        put("steps", name, text.as_bytes());
    }
}

fn forms(put: &Put<'_>) {
    let photo = root().join("crates/vision/tests/golden/formats/one_pixel.jpg");
    let photo = fs::read(photo).expect("a photo");
    let part = |head: &str, content: &[u8]| {
        let head = format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n");
        [head.as_bytes(), content, b"\r\n"].concat()
    };
    let first = b"multipart/form-data; boundary=b\n".to_vec();
    let file = "name=\"photo\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg";
    let starred = "name=\"photo\"; filename*=UTF-8''%e9.jpg";
    let end = b"--b--\r\n".to_vec();
    let one = [first.clone(), part(file, &photo), end.clone()].concat();
    let several = [
        first.clone(),
        part(file, &photo),
        part(starred, &photo),
        part("name=\"together\"", b"true"),
        part("name=\"top\"", b"3"),
        part("name=\"box\"", b"0.1,0.1,0.5,0.5"),
        end,
    ];
    put("upload", "one", &one);
    put("upload", "several", &several.concat());
    put("upload", "json", b"application/json\n{}");
}
