//! A hashing thread: its memory, and its loop.

use std::time::Instant;

use argon2::{Algorithm, Argon2, Block, Version};
use zeroize::Zeroizing;

use super::error::HashError;
use super::queue::{Input, Queue};

/// Takes jobs until the queue is closed.
pub(super) fn run(queue: &Queue, own_blocks: usize) {
    let mut memory = Memory {
        blocks: Vec::new(),
        own_blocks,
    };
    while let Some(job) = queue.next() {
        let started = Instant::now();
        let (input, reply) = job.into_parts();
        let result = memory.derive(&input, queue);
        // Wiped before anybody hears of the result.
        drop(input);
        // The place is free only now, even when nobody waits for the answer any more.
        queue.finished(started.elapsed());
        // An error says that the caller went away; the result is wiped with it.
        let _ = reply.send(result);
    }
}

/// A thread's argon2 memory: allocated at the first hash (a service that nobody uses stays small),
/// then kept.
struct Memory {
    blocks: Vec<Block>,
    own_blocks: usize,
}

impl Memory {
    fn derive(&mut self, input: &Input, queue: &Queue) -> Result<Zeroizing<Vec<u8>>, HashError> {
        let needed = usize::try_from(input.params.memory_kib).map_err(|_| HashError::Failed)?;
        if needed <= self.own_blocks {
            if self.blocks.is_empty() {
                self.blocks = allocate(self.own_blocks)?;
            }
            return derive(input, &mut self.blocks);
        }
        let _alone = queue.oversize();
        derive(input, &mut allocate(needed)?)
    }
}

fn allocate(blocks: usize) -> Result<Vec<Block>, HashError> {
    let mut memory = Vec::new();
    memory.try_reserve_exact(blocks).map_err(|_| HashError::Failed)?;
    memory.resize(blocks, Block::new());
    Ok(memory)
}

fn derive(input: &Input, memory: &mut [Block]) -> Result<Zeroizing<Vec<u8>>, HashError> {
    let params = input.params.for_argon2(input.output_len).ok_or(HashError::Failed)?;
    let mut output = Zeroizing::new(vec![0_u8; input.output_len]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(input.password.expose_bytes(), &input.salt, &mut output, memory)
        .map_err(|_| HashError::Failed)?;
    Ok(output)
}
