// FileCheckpointStore: checkpoints as numbered files of one directory.
//
//   DIRECTORY/checkpoint-00000000000000000042.remapd     the 42nd save
//
// Format, little endian, golden file in tests/golden:
//   0   8  magic "rmpdckpt"
//   8   4  format version, 1
//   12  4  header size, 64: where the payload begins
//   16  8  sequence number, as in the name
//   24  8  payload size in bytes
//   32  8  XXH3-64 of the payload
//   40  16 zero
//   56  8  XXH3-64 of the 56 bytes before
//   64     the payload
//
// A file is written under a hidden temporary name, synced, renamed, and the directory synced; it
// never replaces another. Only then are the oldest removed, so that `keep` remain. A sequence
// number this store did not give means that another instance saves here: save() then refuses
// (kConflict), so that a stalled instance that wakes up cannot come between.
//
// Not thread safe: one caller at a time, which may be a background thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "core/pipeline/checkpoint_store.h"

namespace remapd::checkpoint {

struct FileCheckpointOptions {
  std::filesystem::path directory;  // made if missing
  std::uint32_t keep = 3;           // newest checkpoints kept, >= 1
};

// One checkpoint file, whatever its name, verified.
struct CheckpointFile {
  std::uint64_t sequence = 0;
  Bytes payload;
};
// kNotFound, kIo, kCorrupt, kUnsupported.
Result<CheckpointFile> read_checkpoint_file(const std::filesystem::path& path);

class FileCheckpointStore final : public pipeline::CheckpointStore {
 public:
  // Finds out at once whether the directory can be written. kIo, kResource, kInvalidArgument.
  static Result<std::unique_ptr<FileCheckpointStore>> create(FileCheckpointOptions options);

  // kResource (no space; retryable), kIo, kConflict (another instance saves here).
  Result<void> save(const std::vector<ByteView>& pieces) override;
  Result<Loaded> load_latest() override;

  // The number of the newest checkpoint, 0 if there is none.
  std::uint64_t sequence() const { return sequence_; }

 private:
  explicit FileCheckpointStore(FileCheckpointOptions options) : options_(std::move(options)) {}

  FileCheckpointOptions options_;
  std::uint64_t sequence_ = 0;
};

}  // namespace remapd::checkpoint
