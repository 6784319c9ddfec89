//! The limit of the machine: how fast its cores multiply matrices when they do nothing else.
#![allow(
    unsafe_code,
    reason = "gemm-f32 takes pointers; the engine keeps its own call to itself"
)]

use std::thread;

use anyhow::Result;
use gemm_common::Parallelism;

use crate::measure::{Measured, repeat};

/// `items` products of `size` × `size` matrices, shared out over threads that do not wait for each other.
pub fn measure(size: usize, items: usize, threads: usize, repetitions: usize) -> Result<Measured> {
    let numbers = || (0..size * size).map(|i| (i % 251) as f32 / 251.0 - 0.5);
    let a: Vec<f32> = numbers().collect();
    let b: Vec<f32> = numbers().rev().collect();
    let mut products = vec![vec![0.0_f32; size * size]; threads];
    let seconds = repeat(repetitions, || {
        thread::scope(|scope| {
            for (thread, product) in products.iter_mut().enumerate() {
                let share = (items + threads - 1 - thread) / threads;
                let (a, b) = (&a, &b);
                scope.spawn(move || (0..share).for_each(|_| multiply(size, a, b, product)));
            }
        });
        Ok(())
    })?;
    Ok(Measured {
        seconds,
        items,
        flops_per_item: Some(2.0 * (size as f64).powi(3)),
        ..Measured::default()
    })
}

fn multiply(size: usize, a: &[f32], b: &[f32], product: &mut [f32]) {
    let row = size as isize;
    assert!(
        [a.len(), b.len(), product.len()]
            .iter()
            .all(|&len| len == size * size)
    );
    // SAFETY: all three have `size` rows of `size` numbers, and `product` is borrowed alone.
    unsafe {
        // Row after row in all three is column after column of their transposes, in the other order.
        (gemm_f32::gemm::f32::get_gemm_fn())(
            size,
            size,
            size,
            product.as_mut_ptr(),
            row,
            1,
            false,
            b.as_ptr(),
            row,
            1,
            a.as_ptr(),
            row,
            1,
            0.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
