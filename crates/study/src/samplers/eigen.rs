//! The eigenvalues and eigenvectors of a small symmetric matrix, by Jacobi's rotations.

/// Of a matrix that is positive but for rounding.
pub struct Eigen {
    /// Square roots of the eigenvalues.
    roots: Vec<f64>,
    /// Eigenvectors, one a column.
    vectors: Vec<Vec<f64>>,
}

/// Sweeps over all pairs; a handful is enough.
const SWEEPS: usize = 30;

/// Eigenvalues are at least so large, so that none is taken for a direction that does not exist.
const LEAST: f64 = 1e-14;

impl Eigen {
    /// Of a symmetric matrix.
    pub fn of(matrix: &[Vec<f64>]) -> Self {
        let n = matrix.len();
        let mut a = matrix.to_vec();
        let mut v: Vec<Vec<f64>> = (0..n)
            .map(|row| {
                (0..n)
                    .map(|column| f64::from(u8::from(row == column)))
                    .collect()
            })
            .collect();
        for _ in 0..SWEEPS {
            let off: f64 = (0..n)
                .flat_map(|p| (0..p).map(move |q| (p, q)))
                .map(|(p, q)| a[p][q].powi(2))
                .sum();
            let all: f64 = (0..n).map(|p| a[p][p].powi(2)).sum();
            if off <= 1e-30 * all {
                break;
            }
            for p in 0..n {
                for q in p + 1..n {
                    rotate(&mut a, &mut v, p, q);
                }
            }
        }
        Eigen {
            roots: (0..n).map(|p| a[p][p].max(LEAST).sqrt()).collect(),
            vectors: v,
        }
    }

    /// The root of the matrix times a vector in its own axes: independent numbers get its covariance.
    pub fn coloured(&self, vector: &[f64]) -> Vec<f64> {
        let scaled: Vec<f64> = vector
            .iter()
            .zip(&self.roots)
            .map(|(value, root)| value * root)
            .collect();
        self.back(&scaled)
    }

    /// The inverse root of the matrix times a vector.
    pub fn whitened(&self, vector: &[f64]) -> Vec<f64> {
        let n = vector.len();
        let own = (0..n).map(|column| {
            let sum: f64 = (0..n)
                .map(|row| self.vectors[row][column] * vector[row])
                .sum();
            sum / self.roots[column]
        });
        let own: Vec<f64> = own.collect();
        self.back(&own)
    }

    fn back(&self, own: &[f64]) -> Vec<f64> {
        let product = |row: &Vec<f64>| row.iter().zip(own).map(|(one, other)| one * other).sum();
        self.vectors.iter().map(product).collect()
    }
}

/// Makes a pair of elements off the diagonal zero.
fn rotate(a: &mut [Vec<f64>], v: &mut [Vec<f64>], p: usize, q: usize) {
    if a[p][q] == 0.0 {
        return;
    }
    let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let tangent = if theta == 0.0 { 1.0 } else { tangent };
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    let sine = tangent * cosine;
    for row in a.iter_mut().chain(v) {
        let (left, right) = (row[p], row[q]);
        row[p] = cosine * left - sine * right;
        row[q] = sine * left + cosine * right;
    }
    let (above, below) = a.split_at_mut(q);
    for (upper, lower) in above[p].iter_mut().zip(&mut below[0]) {
        let (left, right) = (*upper, *lower);
        *upper = cosine * left - sine * right;
        *lower = sine * left + cosine * right;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_undo_each_other_and_give_the_matrix() {
        let mut random = tensor::Random::new(1, 0, 0);
        for n in [1, 2, 5, 12] {
            let half: Vec<Vec<f64>> = (0..n)
                .map(|_| (0..n).map(|_| random.uniform_f64() - 0.5).collect())
                .collect();
            let product = |row: usize, column: usize| -> f64 {
                (0..n).map(|k| half[row][k] * half[column][k]).sum::<f64>()
                    + f64::from(u8::from(row == column))
            };
            let matrix: Vec<Vec<f64>> = (0..n)
                .map(|row| (0..n).map(|column| product(row, column)).collect())
                .collect();
            let eigen = Eigen::of(&matrix);
            let vector: Vec<f64> = (0..n).map(|place| place as f64 - 1.5).collect();
            // The inverse root twice, then the matrix.
            let twice = eigen.whitened(&eigen.whitened(&vector));
            for (row, wanted) in matrix.iter().zip(&vector) {
                let found: f64 = row.iter().zip(&twice).map(|(one, other)| one * other).sum();
                assert!((found - wanted).abs() < 1e-9, "{n}: {found} {wanted}");
            }
        }
    }
}
