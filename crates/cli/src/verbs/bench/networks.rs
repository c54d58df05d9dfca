//! Small networks whose training step spends its time on what the zoo's backbones have little of:
//! separable convolutions that are summed and concatenated, and squeeze and excitation.
use graph::{Activation, Conv2d, DepthwiseConv2d, Graph, GraphError, NodeId, Op, Padding, Pool2d};

/// A network that only `museau bench train` knows.
pub struct BenchNetwork {
    /// What `--backbone` calls it.
    pub name: &'static str,
    /// Builds it for square photos of a size and a number of classes.
    pub build: fn(usize, usize) -> Result<Graph, GraphError>,
    /// The size where none is given.
    pub size: usize,
}

/// All of them.
pub const NETWORKS: [BenchNetwork; 2] = [
    BenchNetwork {
        name: "nasnet-cells",
        build: nasnet_cells,
        size: 56,
    },
    BenchNetwork {
        name: "se-blocks",
        build: se_blocks,
        size: 56,
    },
];

/// A stem, two normal cells of NASNetMobile (Zoph et al., 2018) with the 44 filters of its first
/// stage, and a classifier.
fn nasnet_cells(size: usize, classes: usize) -> Result<Graph, GraphError> {
    const FILTERS: usize = 44;
    let (mut net, input) = Network::new(size)?;
    let stem = net.conv(input, 32, 3, 2)?;
    let mut before = net.norm(stem)?;
    let mut last = before;
    for _ in 0..2 {
        let old = net.squeeze(before, FILTERS)?;
        let new = net.squeeze(last, FILTERS)?;
        let terms = [
            [net.separable(new, 5)?, net.separable(old, 3)?],
            [net.separable(old, 5)?, net.separable(old, 3)?],
            [net.average(new)?, old],
            [net.average(old)?, net.average(old)?],
            [net.separable(new, 3)?, new],
        ];
        let mut parts = vec![old];
        for term in &terms {
            parts.push(net.add(Op::Add, term)?);
        }
        before = last;
        last = net.add(Op::Concat, &parts)?;
    }
    let relu = net.activation(last, Activation::Relu)?;
    net.classify(relu, classes)
}

/// A stem, three inverted residual blocks with squeeze and excitation as EfficientNet has them (Tan
/// and Le, 2019), and a classifier.
fn se_blocks(size: usize, classes: usize) -> Result<Graph, GraphError> {
    const CHANNELS: usize = 24;
    const EXPANDED: usize = 6 * CHANNELS;
    let (mut net, input) = Network::new(size)?;
    let stem = net.conv(input, CHANNELS, 3, 2)?;
    let mut last = net.norm(stem)?;
    for _ in 0..3 {
        let wide = net.conv(last, EXPANDED, 1, 1)?;
        let wide = net.norm(wide)?;
        let wide = net.activation(wide, Activation::Swish)?;
        let deep = net.depthwise(wide, 3)?;
        let deep = net.norm(deep)?;
        let deep = net.activation(deep, Activation::Swish)?;
        let keep_dimensions = true;
        let mean = net.add(Op::GlobalAveragePool { keep_dimensions }, &[deep])?;
        let squeezed = net.conv(mean, CHANNELS / 4, 1, 1)?;
        let squeezed = net.activation(squeezed, Activation::Swish)?;
        let factors = net.conv(squeezed, EXPANDED, 1, 1)?;
        let factors = net.activation(factors, Activation::Sigmoid)?;
        let scaled = net.add(Op::Multiply, &[deep, factors])?;
        let narrow = net.conv(scaled, CHANNELS, 1, 1)?;
        let narrow = net.norm(narrow)?;
        last = net.add(Op::Add, &[narrow, last])?;
    }
    net.classify(last, classes)
}

/// A graph in the making, whose layers are numbered.
struct Network {
    graph: Graph,
}

impl Network {
    fn new(size: usize) -> Result<(Self, NodeId), GraphError> {
        let graph = Graph::new();
        let mut network = Network { graph };
        let input = Op::Input {
            height: size,
            width: size,
            channels: 3,
        };
        let input = network.add(input, &[])?;
        Ok((network, input))
    }

    fn add(&mut self, op: Op, inputs: &[NodeId]) -> Result<NodeId, GraphError> {
        let name = format!("{}_{}", op.name(), self.graph.nodes().len());
        self.graph.add(name, op, inputs)
    }

    fn conv(
        &mut self,
        input: NodeId,
        filters: usize,
        size: usize,
        stride: usize,
    ) -> Result<NodeId, GraphError> {
        let conv = Op::Conv2d(Conv2d {
            filters,
            kernel: [size; 2],
            stride: [stride; 2],
            padding: around(size),
            bias: false,
        });
        self.add(conv, &[input])
    }

    fn depthwise(&mut self, input: NodeId, size: usize) -> Result<NodeId, GraphError> {
        let conv = Op::DepthwiseConv2d(DepthwiseConv2d {
            kernel: [size; 2],
            stride: [1, 1],
            padding: around(size),
            bias: false,
        });
        self.add(conv, &[input])
    }

    fn norm(&mut self, input: NodeId) -> Result<NodeId, GraphError> {
        let norm = Op::BatchNorm {
            epsilon: 1e-3,
            momentum: 0.99,
            scale: true,
        };
        self.add(norm, &[input])
    }

    fn activation(&mut self, input: NodeId, of: Activation) -> Result<NodeId, GraphError> {
        self.add(Op::Activation(of), &[input])
    }

    /// The mean of 3 x 3, as large as the input.
    fn average(&mut self, input: NodeId) -> Result<NodeId, GraphError> {
        let pool = Op::AveragePool(Pool2d {
            kernel: [3, 3],
            stride: [1, 1],
            padding: around(3),
        });
        self.add(pool, &[input])
    }

    /// ReLU, a convolution of one pixel and a batch norm: what adjusts a cell's inputs.
    fn squeeze(&mut self, input: NodeId, filters: usize) -> Result<NodeId, GraphError> {
        let relu = self.activation(input, Activation::Relu)?;
        let conv = self.conv(relu, filters, 1, 1)?;
        self.norm(conv)
    }

    /// Twice ReLU, a depthwise convolution, one of a pixel, and a batch norm.
    fn separable(&mut self, input: NodeId, size: usize) -> Result<NodeId, GraphError> {
        let mut last = input;
        for _ in 0..2 {
            let relu = self.activation(last, Activation::Relu)?;
            let deep = self.depthwise(relu, size)?;
            let filters = self.graph.node(deep).shape().channels();
            let conv = self.conv(deep, filters, 1, 1)?;
            last = self.norm(conv)?;
        }
        Ok(last)
    }

    fn classify(mut self, input: NodeId, classes: usize) -> Result<Graph, GraphError> {
        let keep_dimensions = false;
        let mean = self.add(Op::GlobalAveragePool { keep_dimensions }, &[input])?;
        let (units, bias) = (classes, true);
        self.add(Op::Dense { units, bias }, &[mean])?;
        Ok(self.graph)
    }
}

/// The padding that leaves an image's size with stride 1.
fn around(size: usize) -> Padding {
    let side = size / 2;
    Padding {
        top: side,
        bottom: side,
        left: side,
        right: side,
    }
}
