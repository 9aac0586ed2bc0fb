//! Measures the store on a disk: `cargo run --release -p garrison-blobs --example measure -- DIRECTORY`.

// The name under which all others know the crate.
extern crate garrison_blobs as blobs;

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{Context, SHA256, digest};
use blobs::{Blobs, Stored, UploadId};
use bytes::Bytes;
use futures_util::StreamExt;
use oci::{Algorithm, Digest};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const MIB: usize = 1024 * 1024;
/// What a socket gives at a time.
const PIECE_BYTES: usize = 64 * 1024;
const LARGE_MIB: usize = 1024;
const STORES: usize = 512;

#[tokio::main]
async fn main() -> Outcome {
    let directory = std::env::args_os().nth(1).map(PathBuf::from).ok_or("a directory to measure in is needed")?;
    let root = directory.join("measure");
    let blobs = Blobs::open(&root)?;
    let content: Bytes = (0..MIB).map(|index| ((index * 31) >> 3).to_le_bytes()[0]).collect::<Vec<_>>().into();

    let start = Instant::now();
    let mut hash = Context::new(&SHA256);
    (0..LARGE_MIB).for_each(|_| hash.update(&content));
    let large = sha256(hash.finish().as_ref())?;
    report("sha256 alone", LARGE_MIB, "MiB/s", start.elapsed());

    for _ in 0..2 {
        measure_raw_write(&root, &content)?;
        let stored = measure_upload(&blobs, &content, &large).await?;
        measure_read(&Blobs::open(&root)?, &stored, "read 1 GiB, verifying").await?;
        measure_read(&blobs, &stored, "read 1 GiB, verified").await?;
        blobs.remove(&stored.location).await?;
    }
    for tasks in [1, 8, 32] {
        measure_raw_files(&root, &content, tasks)?;
        measure_stores(&blobs, &content, tasks, Way::Store).await?;
        measure_stores(&blobs, &content, tasks, Way::Whole).await?;
        measure_stores(&blobs, &content, tasks, Way::Upload).await?;
    }
    std::fs::remove_dir_all(root)?;
    Ok(())
}

fn sha256(hash: &[u8]) -> Outcome<Digest> {
    Ok(Digest::new(Algorithm::Sha256, hash).ok_or("not a SHA-256")?)
}

#[expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "a report for people")]
fn report(what: &str, count: usize, unit: &str, took: Duration) {
    println!("{what:32} {:8.0} {unit}", count as f64 / took.as_secs_f64());
}

/// The disk's own ceiling: the same bytes in a file, synced.
fn measure_raw_write(root: &Path, content: &[u8]) -> Outcome {
    let start = Instant::now();
    let path = root.join("raw");
    let mut file = File::create(&path)?;
    for _ in 0..LARGE_MIB {
        file.write_all(content)?;
    }
    file.sync_data()?;
    report("disk: write 1 GiB, sync", LARGE_MIB, "MiB/s", start.elapsed());
    std::fs::remove_file(path)?;
    Ok(())
}

async fn measure_upload(blobs: &Blobs, content: &Bytes, digest: &Digest) -> Outcome<Stored> {
    let start = Instant::now();
    let mut upload = blobs.begin(UploadId::generate(), digest).await?;
    for _ in 0..LARGE_MIB {
        for offset in (0..MIB).step_by(PIECE_BYTES) {
            upload.write(content.slice(offset..offset + PIECE_BYTES)).await?;
        }
    }
    report("upload 1 GiB, written", LARGE_MIB, "MiB/s", start.elapsed());
    let stored = upload.commit().await?;
    report("upload 1 GiB, committed", LARGE_MIB, "MiB/s", start.elapsed());
    Ok(stored)
}

async fn measure_read(blobs: &Blobs, stored: &Stored, what: &str) -> Outcome {
    let start = Instant::now();
    let blob = blobs.read(&stored.location, stored.size_bytes, stored.location.digest()).await?;
    let mut stream = blob.stream(0..stored.size_bytes);
    while let Some(chunk) = stream.next().await {
        chunk?;
    }
    report(what, LARGE_MIB, "MiB/s", start.elapsed());
    Ok(())
}

/// The disk's own ceiling: as many files of 1 MiB, each synced, and their directory.
fn measure_raw_files(root: &Path, content: &[u8], tasks: usize) -> Outcome {
    let directory = root.join("raw");
    std::fs::create_dir(&directory)?;
    let start = Instant::now();
    let write = |task: usize| -> Outcome {
        for number in 0..STORES / tasks {
            let mut file = File::create(directory.join(format!("{task}-{number}")))?;
            file.write_all(content)?;
            file.sync_data()?;
            File::open(&directory)?.sync_all()?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..tasks).map(|task| scope.spawn(move || write(task))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err("a thread panicked".into())))
    })?;
    report(&format!("disk: 1 MiB files, {tasks} threads"), STORES, "files/s", start.elapsed());
    std::fs::remove_dir_all(directory)?;
    Ok(())
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Store,
    Whole,
    Upload,
}

async fn measure_stores(blobs: &Blobs, content: &Bytes, tasks: usize, way: Way) -> Outcome {
    // Every blob its own content, and so its own directory.
    let bodies: Vec<(Vec<Bytes>, Digest)> = (0..STORES)
        .map(|number| {
            let head = Bytes::copy_from_slice(&number.to_le_bytes());
            let body: Vec<u8> = [&head[..], &content[head.len()..]].concat();
            let digest = sha256(digest(&SHA256, &body).as_ref())?;
            let mut pieces = vec![head.clone()];
            pieces
                .extend((head.len()..MIB).step_by(PIECE_BYTES).map(|at| content.slice(at..MIB.min(at + PIECE_BYTES))));
            Ok((pieces, digest))
        })
        .collect::<Outcome<_>>()?;
    let start = Instant::now();
    let running: Vec<_> = bodies
        .chunks(STORES / tasks)
        .map(|bodies| {
            let (blobs, bodies) = (blobs.clone(), bodies.to_vec());
            tokio::spawn(async move {
                let mut locations = Vec::new();
                for (pieces, digest) in bodies {
                    let id = UploadId::generate();
                    let stored = match way {
                        Way::Store => blobs.store(id, &digest, pieces).await?,
                        Way::Whole => {
                            let mut upload = blobs.begin(id, &digest).await?;
                            for piece in pieces {
                                upload.write(piece).await?;
                            }
                            upload.commit().await?
                        }
                        Way::Upload => {
                            let mut upload = blobs.resume(id, Algorithm::Sha256, 0).await?;
                            for piece in pieces {
                                upload.write(piece).await?;
                            }
                            let stored = upload.commit(&digest).await?;
                            blobs.end_upload(&stored).await?;
                            stored
                        }
                    };
                    locations.push(stored.location);
                }
                Ok::<_, blobs::Error>(locations)
            })
        })
        .collect();
    let mut locations = Vec::new();
    for task in running {
        locations.extend(task.await??);
    }
    report(&format!("1 MiB blobs, {tasks} tasks, {way:?}"), STORES, "blobs/s", start.elapsed());
    for location in locations {
        blobs.remove(&location).await?;
    }
    Ok(())
}
