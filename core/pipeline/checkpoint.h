// A checkpoint: the engine's state, the input offsets that belong to it, and each table's
// publishing progress. A CheckpointStore keeps it and adds the checksum.
//
// Format: docs/formats.md "Checkpoint payload", version 1; golden file in tests/golden.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/types.h"
#include "core/pipeline/engine.h"
#include "core/pipeline/event_source.h"
#include "core/pipeline/publish_schedule.h"

namespace remapd::pipeline {

// A table's publishing progress.
struct TableProgress {
  std::string table;
  Version version;  // adopted by the engine; kNoVersion before the first
  PublishSchedule::State schedule;
  bool frozen = false;  // by an operator: no version is built

  friend bool operator==(const TableProgress&, const TableProgress&) = default;
};

struct CheckpointHeader {
  std::string source;         // the stream that the offsets are positions in (Ports::stream)
  std::int64_t saved_ms = 0;  // wall clock, Unix milliseconds
  std::uint64_t samples = 0;  // taken in by the engine
  StreamOffsets offsets;      // reading goes on here
  std::vector<TableProgress> tables;

  friend bool operator==(const CheckpointHeader&, const CheckpointHeader&) = default;
};

// Header and engine state, in pieces to be written one after another.
std::vector<Bytes> write_checkpoint(const CheckpointHeader& header, const Engine& engine);

// Reads the header and leaves `in` at the engine's state, for Engine::load(). kCorrupt,
// kUnsupported.
Result<CheckpointHeader> read_checkpoint_header(ByteReader& in);

}  // namespace remapd::pipeline
