//! Initial values of parameters, as Keras draws them.
use graph::{Graph, Op};
use tensor::{NamedTensors, Random, Tensor};

/// Initial values for every parameter, from the seed alone: kernels by Glorot's uniform rule (limits
/// `sqrt(6 / (fan in + fan out))`, Keras's default), biases and betas 0, gammas 1, moving means 0 and
/// variances 1.
pub fn initial_parameters(graph: &Graph, seed: u64) -> NamedTensors {
    let mut all = NamedTensors::new();
    for id in graph.ids() {
        for spec in graph.node_parameters(id) {
            let mut tensor = Tensor::zeros(spec.shape);
            match spec.name.rsplit('/').next() {
                Some("kernel") => {
                    let depthwise = matches!(graph.node(id).op(), Op::DepthwiseConv2d(_));
                    let (fan_in, fan_out) = match *spec.shape.dimensions() {
                        // Keras counts a depthwise kernel as [KH, KW, C, 1].
                        [rows, columns, channels] if depthwise => {
                            (rows * columns * channels, rows * columns)
                        }
                        [ref window @ .., inputs, outputs] => {
                            let taps: usize = window.iter().product();
                            (taps * inputs, taps * outputs)
                        }
                        _ => (1, 1),
                    };
                    let limit = (6.0 / (fan_in + fan_out) as f64).sqrt() as f32;
                    // A stream of its own for each layer: a layer that is added moves no other.
                    let mut random = Random::new(seed, 0, hash(&spec.name));
                    for value in tensor.values_mut() {
                        *value = (2.0 * random.uniform_f32() - 1.0) * limit;
                    }
                }
                Some("gamma" | "moving_variance") => tensor.values_mut().fill(1.0),
                _ => {}
            }
            all.insert(spec.name, tensor);
        }
    }
    all
}

/// FNV-1a of a name.
fn hash(name: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    name.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_spread_by_glorots_rule_and_follow_from_the_seed() {
        let mut graph = Graph::new();
        let input = Op::Input {
            height: 1,
            width: 1,
            channels: 300,
        };
        let input = graph.add("input", input, &[]).unwrap();
        let flat = graph.add("flat", Op::Flatten, &[input]).unwrap();
        let dense = Op::Dense {
            units: 100,
            bias: true,
        };
        graph.add("dense", dense, &[flat]).unwrap();
        let values = initial_parameters(&graph, 1);
        let kernel = values["dense/kernel"].values();
        let limit = (6.0f32 / 400.0).sqrt();
        let largest = kernel.iter().fold(0f32, |largest, v| largest.max(v.abs()));
        assert!(largest <= limit && largest > 0.99 * limit);
        let mean = kernel.iter().sum::<f32>() / kernel.len() as f32;
        assert!(mean.abs() < 0.01 * limit);
        assert!(values["dense/bias"].values().iter().all(|&v| v == 0.0));
        assert_eq!(
            kernel,
            initial_parameters(&graph, 1)["dense/kernel"].values()
        );
        assert_ne!(
            kernel,
            initial_parameters(&graph, 2)["dense/kernel"].values()
        );
    }
}
