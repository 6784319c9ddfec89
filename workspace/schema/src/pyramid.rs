//! The cells that spatial pyramid pooling divides a map into.

use std::ops::Range;

/// Cells along each side of a grid: K. He, X. Zhang, S. Ren and J. Sun, "Spatial pyramid pooling in deep
/// convolutional networks for visual recognition", ECCV 2014. Grids finer than the map itself are left out.
const GRIDS: [usize; 3] = [1, 2, 4];

/// Rows and columns of every cell of a map, grid by grid from coarse to fine, row by row. The cells of a grid cover
/// the map and overlap by a pixel where it does not divide evenly.
pub fn pyramid_cells(
    height: usize,
    width: usize,
) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let fits = move |grid: &usize| *grid <= height.min(width).max(1);
    GRIDS.into_iter().filter(fits).flat_map(move |grid| {
        let cell =
            move |at: usize, size: usize| (at * size / grid)..((at + 1) * size).div_ceil(grid);
        let places = (0..grid).flat_map(move |row| (0..grid).map(move |column| (row, column)));
        places.map(move |(row, column)| (cell(row, height), cell(column, width)))
    })
}
