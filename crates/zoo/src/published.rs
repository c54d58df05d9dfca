//! Where the weights of Keras's networks are published, as `keras.applications` names them (Keras
//! 3.15). Lengths are those that public pointers to the same files record.

/// A published file of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The backbone's name.
    pub backbone: &'static str,
    /// Whether it has the classifier of ImageNet's 1000 classes.
    pub top: bool,
    /// The address that the file's name is put behind.
    pub address: &'static str,
    /// The file's name.
    pub file: &'static str,
    /// Its length, where it is known.
    pub bytes: Option<u64>,
    /// Its MD5 in hexadecimal, where Keras's source has one.
    pub md5: Option<&'static str>,
    /// The licence of the weights.
    pub licence: &'static str,
}

macro_rules! address {
    ($folder:literal) => {
        concat!(
            "https://storage.googleapis.com/tensorflow/keras-applications/",
            $folder,
            "/"
        )
    };
}

const VGG16: &str = address!("vgg16");
const MOBILENET_V2: &str = address!("mobilenet_v2");
const NASNET: &str = address!("nasnet");
const INCEPTION_RESNET_V2: &str = address!("inception_resnet_v2");
const EFFICIENTNET_V2: &str = address!("efficientnet_v2");

const APACHE: &str = "Apache-2.0";

/// All published files, two a backbone: with the classifier and without it.
pub const PUBLISHED: &[Published] = &[
    file(
        ("vgg16", true, "CC-BY-4.0"),
        (VGG16, "vgg16_weights_tf_dim_ordering_tf_kernels.h5"),
        None,
        Some("64373286793e3c8b2b4e3219cbf3544b"),
    ),
    file(
        ("vgg16", false, "CC-BY-4.0"),
        (VGG16, "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        Some(58_889_256),
        Some("6d6bbae143d832006294945121d1f1fc"),
    ),
    file(
        ("mobilenet_v2", true, APACHE),
        (
            MOBILENET_V2,
            "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
        ),
        Some(14_536_120),
        None,
    ),
    file(
        ("mobilenet_v2", false, APACHE),
        (
            MOBILENET_V2,
            "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        ),
        Some(9_406_464),
        None,
    ),
    file(
        ("nasnet_mobile", true, APACHE),
        (NASNET, "NASNet-mobile.h5"),
        None,
        Some("020fb642bf7360b370c678b08e0adf61"),
    ),
    file(
        ("nasnet_mobile", false, APACHE),
        (NASNET, "NASNet-mobile-no-top.h5"),
        Some(19_993_432),
        Some("1ed92395b5b598bdda52abe5c0dbfd63"),
    ),
    file(
        ("nasnet_large", true, APACHE),
        (NASNET, "NASNet-large.h5"),
        None,
        Some("11577c9a518f0070763c2b964a382f17"),
    ),
    file(
        ("nasnet_large", false, APACHE),
        (NASNET, "NASNet-large-no-top.h5"),
        Some(343_610_240),
        Some("d81d89dc07e6e56530c4e77faddd61b5"),
    ),
    file(
        ("inception_resnet_v2", true, APACHE),
        (
            INCEPTION_RESNET_V2,
            "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels.h5",
        ),
        Some(225_209_952),
        Some("e693bd0210a403b3192acc6073ad2e96"),
    ),
    file(
        ("inception_resnet_v2", false, APACHE),
        (
            INCEPTION_RESNET_V2,
            "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
        ),
        Some(219_055_592),
        Some("d19885ff4a710c122648d3b5c3b684e4"),
    ),
    file(
        ("efficientnet_v2s", true, APACHE),
        (EFFICIENTNET_V2, "efficientnetv2-s.h5"),
        None,
        Some("e1d88a8495beba45748fedd0cecbe016"),
    ),
    file(
        ("efficientnet_v2s", false, APACHE),
        (EFFICIENTNET_V2, "efficientnetv2-s_notop.h5"),
        Some(82_420_632),
        Some("af0682fb74e8c54910f2d4393339c070"),
    ),
    file(
        ("efficientnet_v2l", true, APACHE),
        (EFFICIENTNET_V2, "efficientnetv2-l.h5"),
        None,
        Some("27e6d408b53c7ebc868fefa357689935"),
    ),
    file(
        ("efficientnet_v2l", false, APACHE),
        (EFFICIENTNET_V2, "efficientnetv2-l_notop.h5"),
        Some(473_176_280),
        Some("b0b66b5c863aef5b46e8608fe1711615"),
    ),
];

const fn file(
    (backbone, top, licence): (&'static str, bool, &'static str),
    (address, file): (&'static str, &'static str),
    bytes: Option<u64>,
    md5: Option<&'static str>,
) -> Published {
    Published {
        backbone,
        top,
        address,
        file,
        bytes,
        md5,
        licence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use graph::Origin;

    #[test]
    fn every_backbone_of_keras_has_both_files() {
        for backbone in crate::all() {
            let keras = backbone.origins.contains(&Origin::Keras);
            for top in [true, false] {
                let of_it = |file: &&Published| file.backbone == backbone.name && file.top == top;
                let found: Vec<_> = PUBLISHED.iter().filter(of_it).collect();
                assert_eq!(found.len(), usize::from(keras), "{}", backbone.name);
                for file in found {
                    let md5 = file.md5.unwrap_or("0123456789abcdef0123456789abcdef");
                    let digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
                    assert!(md5.len() == 32 && md5.chars().all(digit), "{}", file.file);
                    // Without a checksum the length at least must be known.
                    assert!(file.md5.is_some() || file.bytes.is_some(), "{}", file.file);
                    assert!(file.address.starts_with("https://") && file.address.ends_with('/'));
                    // The four bytes of each parameter, and a little for the names.
                    let size = backbone.default_size;
                    let head = match top {
                        true => crate::Head::Classes(1000),
                        false => crate::Head::Features,
                    };
                    let costs = backbone.build(size, size, head).unwrap().costs();
                    if let Some(bytes) = file.bytes {
                        let share = bytes as f64 / (4 * costs.parameters) as f64;
                        assert!((1.0..1.2).contains(&share), "{}: {share}", file.file);
                    }
                }
            }
        }
    }
}
