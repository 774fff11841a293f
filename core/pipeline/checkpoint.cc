#include "core/pipeline/checkpoint.h"

namespace remapd::pipeline {
namespace {

constexpr std::uint32_t kMagic = 0x504b4352;  // "RCKP"
constexpr std::uint32_t kVersion = 1;

}  // namespace

std::vector<Bytes> write_checkpoint(const CheckpointHeader& header, const Engine& engine) {
  StateWriter state;
  ByteWriter& out = state.small();
  out.put(kMagic);
  out.put(kVersion);
  out.put_string(header.source);
  out.put(header.saved_ms);
  out.put(header.samples);
  out.put<std::uint64_t>(header.offsets.size());
  for (const PartitionOffset& offset : header.offsets) {
    out.put(offset.partition);
    out.put(offset.next_offset);
  }
  out.put<std::uint64_t>(header.tables.size());
  for (const TableProgress& table : header.tables) {
    out.put_string(table.table);
    out.put(table.version);
    out.put(table.schedule);
    out.put<std::uint8_t>(table.frozen ? 1 : 0);
  }
  engine.save(state);
  return std::move(state).write();
}

Result<CheckpointHeader> read_checkpoint_header(ByteReader& in) {
  if (in.get<std::uint32_t>() != kMagic) {
    return fail(ErrorCode::kCorrupt, "not a checkpoint: it does not begin with RCKP");
  }
  if (const auto version = in.get<std::uint32_t>(); in.ok() && version != kVersion) {
    return fail(ErrorCode::kUnsupported, "checkpoint format version " + std::to_string(version) +
                                             "; this remapd reads version " +
                                             std::to_string(kVersion));
  }
  CheckpointHeader header;
  header.source = in.get_string();
  header.saved_ms = in.get<std::int64_t>();
  header.samples = in.get<std::uint64_t>();
  // Entries are read one by one, so a count beyond the bytes ends at the first missing entry.
  const auto offsets = in.get<std::uint64_t>();
  for (std::uint64_t i = 0; i < offsets && in.ok(); ++i) {
    PartitionOffset offset;
    offset.partition = in.get<std::uint32_t>();
    offset.next_offset = in.get<std::int64_t>();
    header.offsets.push_back(offset);
  }
  const auto tables = in.get<std::uint64_t>();
  for (std::uint64_t i = 0; i < tables && in.ok(); ++i) {
    TableProgress& table = header.tables.emplace_back();
    table.table = in.get_string();
    table.version = in.get<Version>();
    table.schedule = in.get<PublishSchedule::State>();
    table.frozen = in.get<std::uint8_t>() != 0;
  }
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "checkpoint: cut short inside its header");
  return header;
}

}  // namespace remapd::pipeline
