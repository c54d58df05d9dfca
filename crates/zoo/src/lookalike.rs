//! Networks of other libraries that have a backbone's layers and compute something else: their weights
//! would fit by name or by shape, and give other answers.
use crate::Backbone;
use tensor::Shape;

/// Such a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookalike {
    /// The backbone's name.
    pub backbone: &'static str,
    /// Its name there, and the library.
    pub title: &'static str,
    /// In what it differs from the backbone.
    pub differs: Differs,
    /// A tensor of its `state_dict` that no other network has, and its shape.
    mark: (&'static str, &'static [usize]),
}

/// In what a network differs from a backbone of the same layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Differs {
    /// Windows of stride 2 have zeros on both sides.
    Padding,
    /// The same, and the epsilon of its batch norms is another.
    Epsilon {
        /// The backbone that it is.
        instead: &'static str,
    },
    /// What lies beyond the border does not count in the pooling of its reduction cells.
    Pooling,
}

const TORCHVISION_MOBILENET: Differs = Differs::Epsilon {
    instead: "mobilenet_v2_torchvision",
};

const LOOKALIKES: &[Lookalike] = &[
    Lookalike {
        backbone: "mobilenet_v2",
        title: "mobilenet_v2 (torchvision)",
        differs: TORCHVISION_MOBILENET,
        mark: ("features.17.conv.2.weight", &[320, 960, 1, 1]),
    },
    Lookalike {
        backbone: "mobilenet_v2",
        title: "mobilenetv2_100 (timm)",
        differs: TORCHVISION_MOBILENET,
        mark: ("blocks.6.0.conv_pwl.weight", &[320, 960, 1, 1]),
    },
    Lookalike {
        backbone: "efficientnet_v2s",
        title: "efficientnet_v2_s (torchvision)",
        differs: Differs::Padding,
        mark: ("features.7.0.weight", &[1280, 256, 1, 1]),
    },
    Lookalike {
        backbone: "efficientnet_v2l",
        title: "efficientnet_v2_l (torchvision)",
        differs: Differs::Padding,
        mark: ("features.8.0.weight", &[1280, 640, 1, 1]),
    },
    Lookalike {
        backbone: "nasnet_large",
        title: "nasnetalarge (timm)",
        differs: Differs::Pooling,
        mark: ("cell_stem_0.conv_1x1.conv.weight", &[42, 96, 1, 1]),
    },
];

impl Lookalike {
    /// The one among the lookalikes of `backbone` that a file with these tensors holds.
    pub fn find<'a>(
        backbone: &Backbone,
        mut tensors: impl Iterator<Item = (&'a str, Shape)>,
    ) -> Option<&'static Lookalike> {
        let of_it = || {
            LOOKALIKES
                .iter()
                .filter(|one| one.backbone == backbone.name)
        };
        tensors.find_map(|(name, shape)| of_it().find(|one| one.has(name, shape)))
    }

    /// Whether this tensor is the mark, after whatever prefix.
    fn has(&self, name: &str, shape: Shape) -> bool {
        let (mark, dimensions) = self.mark;
        shape.dimensions() == dimensions
            && name
                .strip_suffix(mark)
                .is_some_and(|before| before.is_empty() || before.ends_with('.'))
    }
}
