// A checkpoint: the engine's state, the input offsets it corresponds to, and how far publishing had
// come; one block of bytes for a CheckpointStore (which adds the checksum).
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

// How far publishing a table had come.
struct TableProgress {
  std::string table;
  Version version;  // adopted by the engine; kNoVersion before the first
  PublishSchedule::State schedule;
  bool frozen = false;  // by an operator: no version is built

  friend bool operator==(const TableProgress&, const TableProgress&) = default;
};

struct CheckpointHeader {
  std::string source;         // which stream the offsets are positions in, for people and checks
  std::int64_t saved_ms = 0;  // wall clock, Unix milliseconds
  std::uint64_t samples = 0;  // taken in by the engine
  StreamOffsets offsets;      // reading goes on here
  std::vector<TableProgress> tables;

  friend bool operator==(const CheckpointHeader&, const CheckpointHeader&) = default;
};

// Header and engine state, piece after piece.
std::vector<Bytes> write_checkpoint(const CheckpointHeader& header, const Engine& engine);

// The header; `in` then stands at the engine's state, for Engine::load(). kCorrupt or kUnsupported.
Result<CheckpointHeader> read_checkpoint_header(ByteReader& in);

}  // namespace remapd::pipeline
