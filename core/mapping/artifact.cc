#include "core/mapping/artifact.h"

#include <algorithm>
#include <array>

#include "core/base/check.h"
#include "core/mapping/artifact_assembly.h"
#include "core/mapping/artifact_format.h"
#include "core/mapping/mapping_state.h"

namespace remapd::mapping {
namespace {

using namespace format;  // NOLINT(google-build-using-namespace): this file implements the format

// Header fields behind magic, format and sizes, in their order.
struct Header {
  std::uint32_t header_size = 0;
  std::uint64_t file_size = 0;
  std::uint64_t header_checksum = 0;
  std::uint64_t body_checksum = 0;
  std::uint64_t ids = 0;
  std::uint64_t content_hash = 0;
  std::uint32_t layout = 0;
  std::uint32_t row_bits = 0;
  std::uint32_t home_lines = 0;
  std::uint32_t lines = 0;
  std::uint64_t exceptions = 0;
};

constexpr std::size_t kHeaderChecksumAt = 24;

Bytes encode_header(const Header& h, const MappingInfo& info) {
  ByteWriter out;
  for (const char c : kMagic) out.put(c);
  out.put(kFormat);
  out.put(h.header_size);
  out.put(h.file_size);
  out.put<std::uint64_t>(0);  // the header's checksum, below
  out.put(h.body_checksum);
  out.put(info.version.value);
  out.put(info.parent.value);
  out.put(info.epoch.value);
  out.put(info.built_ms);
  out.put(h.ids);
  out.put(h.content_hash);
  out.put(info.fallback.seed);
  out.put(info.fallback.first_row);
  out.put(info.fallback.row_count);
  out.put(info.fallback.ways);
  out.put(static_cast<std::uint32_t>(info.strategy));
  out.put(info.rows);
  out.put(info.dedicated_rows);
  out.put(h.layout);
  out.put(h.row_bits);
  out.put(h.home_lines);
  out.put(h.lines);
  out.put(h.exceptions);
  out.put(static_cast<std::uint32_t>(info.table.size()));
  out.put<std::uint32_t>(0);
  out.put_array(std::span<const char>(info.table.data(), info.table.size()));
  out.bytes().resize(h.header_size);
  const std::uint64_t sum = checksum(out.bytes());
  std::memcpy(out.bytes().data() + kHeaderChecksumAt, &sum, sizeof(sum));
  return std::move(out).take();
}

Error corrupt(const std::string& what) {
  return {ErrorCode::kCorrupt, "mapping artifact: " + what, false};
}

std::uint64_t body_size(const Header& h) {
  return std::uint64_t{h.lines} * kLineBytes + h.exceptions * (sizeof(Id) + sizeof(Row));
}

}  // namespace

std::size_t header_bytes(const MappingInfo& info) {
  const std::size_t used = kFixedHeaderBytes + info.table.size();
  return (used + kLineBytes - 1) / kLineBytes * kLineBytes;
}

Bytes assemble(const ArtifactParts& parts, Bytes bytes, std::vector<Exception> exceptions) {
  Header header;
  header.header_size = static_cast<std::uint32_t>(header_bytes(parts.info));
  header.ids = parts.ids;
  header.content_hash = parts.content_hash;
  header.layout = parts.layout;
  header.row_bits = parts.row_bits;
  header.home_lines = parts.home_lines;
  header.lines = static_cast<std::uint32_t>((bytes.size() - header.header_size) / kLineBytes);
  header.exceptions = exceptions.size();

  std::sort(exceptions.begin(), exceptions.end(),
            [](const Exception& a, const Exception& b) { return a.id < b.id; });
  ByteWriter out;
  out.bytes() = std::move(bytes);
  for (const Exception& e : exceptions) out.put(e.id);
  for (const Exception& e : exceptions) out.put(e.row);
  header.file_size = out.size();
  header.body_checksum = checksum(ByteView(out.bytes()).subspan(header.header_size));
  const Bytes encoded = encode_header(header, parts.info);
  std::copy(encoded.begin(), encoded.end(), out.bytes().begin());
  return std::move(out).take();
}

Result<ArtifactView> ArtifactView::open(ByteView bytes, Verify verify) {
  ByteReader in(bytes);
  std::array<char, 8> magic{};
  in.get_array(std::span<char>(magic));
  if (!in.ok() || std::memcmp(magic.data(), kMagic, sizeof(kMagic)) != 0) {
    return fail(corrupt("not one (wrong magic)"));
  }
  if (const auto version = in.get<std::uint32_t>(); version != kFormat) {
    return fail(ErrorCode::kUnsupported, "mapping artifact: format " + std::to_string(version) +
                                             ", this build reads " + std::to_string(kFormat));
  }
  Header h;
  h.header_size = in.get<std::uint32_t>();
  h.file_size = in.get<std::uint64_t>();
  h.header_checksum = in.get<std::uint64_t>();
  if (!in.ok() || h.file_size != bytes.size() || h.header_size > bytes.size() ||
      h.header_size < kFixedHeaderBytes || h.header_size % kLineBytes != 0 ||
      h.header_size > 2 * kMaxNameBytes) {
    return fail(corrupt("cut short or too long"));
  }
  Bytes header(bytes.begin(), bytes.begin() + h.header_size);
  std::fill_n(header.begin() + kHeaderChecksumAt, sizeof(std::uint64_t), std::byte{0});
  if (checksum(header) != h.header_checksum) return fail(corrupt("header checksum mismatch"));

  ArtifactView view;
  MappingInfo& info = view.info_;
  h.body_checksum = in.get<std::uint64_t>();
  info.version = Version{in.get<std::uint64_t>()};
  info.parent = Version{in.get<std::uint64_t>()};
  info.epoch = Epoch{in.get<std::uint64_t>()};
  info.built_ms = in.get<std::int64_t>();
  h.ids = in.get<std::uint64_t>();
  h.content_hash = in.get<std::uint64_t>();
  info.fallback.seed = in.get<std::uint64_t>();
  info.fallback.first_row = in.get<std::uint32_t>();
  info.fallback.row_count = in.get<std::uint32_t>();
  info.fallback.ways = in.get<std::uint32_t>();
  const auto strategy = in.get<std::uint32_t>();
  info.strategy = static_cast<Strategy>(strategy);
  info.rows = in.get<std::uint32_t>();
  info.dedicated_rows = in.get<std::uint32_t>();
  h.layout = in.get<std::uint32_t>();
  h.row_bits = in.get<std::uint32_t>();
  h.home_lines = in.get<std::uint32_t>();
  h.lines = in.get<std::uint32_t>();
  h.exceptions = in.get<std::uint64_t>();
  const auto name_size = in.get<std::uint32_t>();
  in.get<std::uint32_t>();
  if (name_size > h.header_size - kFixedHeaderBytes) return fail(corrupt("table name too long"));
  info.table.resize(name_size);
  in.get_array(std::span<char>(info.table));
  if (h.layout > kWide) {
    return fail(ErrorCode::kUnsupported, "mapping artifact: unknown layout " +
                                             std::to_string(h.layout) +
                                             "; a newer remapd wrote it");
  }
  if (!sound(info) || strategy > static_cast<std::uint32_t>(Strategy::kCombined) ||
      h.row_bits != row_bits_for(info.rows) || h.layout != layout_for(h.row_bits) ||
      h.home_lines == 0 || h.lines < h.home_lines || h.exceptions > h.file_size ||
      h.header_size + body_size(h) != h.file_size) {
    return fail(corrupt("header contradicts itself"));
  }
  view.bytes_ = bytes;
  view.ids_ = h.ids;
  view.content_hash_ = h.content_hash;
  view.body_checksum_ = h.body_checksum;
  view.header_size_ = h.header_size;
  view.layout_ = h.layout;
  view.row_bits_ = h.row_bits;
  view.home_lines_ = h.home_lines;
  view.lines_ = h.lines;
  view.exceptions_ = h.exceptions;
  if (verify == Verify::kAll) {
    if (auto ok = view.verify_body(); !ok) return fail(std::move(ok).error());
  }
  return view;
}

Result<void> ArtifactView::verify_body() const {
  if (checksum(bytes_.subspan(header_size_)) == body_checksum_) return {};
  return fail(corrupt("body checksum mismatch"));
}

const MappingInfo& ArtifactView::info() const {
  return info_;
}
std::uint64_t ArtifactView::ids() const {
  return ids_;
}
std::uint64_t ArtifactView::content_hash() const {
  return content_hash_;
}

const std::byte* ArtifactView::line(std::uint64_t index) const {
  return bytes_.data() + header_size_ + index * kLineBytes;
}

std::optional<Row> ArtifactView::find_exception(Id id) const {
  const std::byte* ids = line(lines_);
  const std::byte* rows = ids + exceptions_ * sizeof(Id);
  const auto id_at = [&](std::uint64_t i) {
    Id value;
    std::memcpy(&value, ids + i * sizeof(Id), sizeof(Id));
    return value;
  };
  std::uint64_t low = 0;
  std::uint64_t high = exceptions_;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (id_at(middle) < id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == exceptions_ || id_at(low) != id) return std::nullopt;
  Row row;
  std::memcpy(&row, rows + low * sizeof(Row), sizeof(Row));
  return row;
}

template <class Line>
[[gnu::always_inline]] inline bool ArtifactView::find_in(Id id, std::uint64_t hash,
                                                         Row& row) const {
  const Line access(hash, row_bits_);
  std::uint32_t l = reduce(hash, home_lines_);
  const std::byte* at = line(l);
  std::uint32_t f = flags(at);
  if ((f & kExceptions) != 0) [[unlikely]] {
    if (const auto found = find_exception(id)) {
      row = *found;
      return true;
    }
  }
  for (;;) {
    if (const int i = access.find(at); i >= 0) {
      row = access.row(at, i);
      return true;
    }
    if ((f & kOverflow) == 0 || ++l >= lines_) return false;
    at += kLineBytes;
    f = flags(at);
  }
}

template <class Line>
[[gnu::always_inline]] inline Row ArtifactView::row_of(Id id, std::uint64_t hash) const {
  Row row;
  return find_in<Line>(id, hash, row) && row.value < info_.rows ? row : info_.fallback.row(id);
}

std::optional<Row> ArtifactView::find(Id id, std::uint64_t hash) const {
  return with_line(layout_, [&]<class Line>() -> std::optional<Row> {
    Row row;
    return find_in<Line>(id, hash, row) ? std::optional(row) : std::nullopt;
  });
}

Row ArtifactView::lookup(Id id) const {
  return with_line(layout_, [&]<class Line>() { return row_of<Line>(id, mix64(id)); });
}

void ArtifactView::lookup(std::span<const Id> ids, std::span<Row> out) const {
  REMAPD_CHECK(out.size() == ids.size(), "one row for each id");
  with_line(layout_, [&]<class Line>() {
    // As many lines are on their way as one core can wait for.
    constexpr std::size_t kAhead = 32;
    std::array<std::uint64_t, kAhead> hashes;
    const std::size_t n = ids.size();
    const auto fetch = [&](std::size_t i) {
      const std::uint64_t hash = mix64(ids[i]);
      hashes[i % kAhead] = hash;
      __builtin_prefetch(line(reduce(hash, home_lines_)));
    };
    for (std::size_t i = 0; i < std::min(kAhead, n); ++i) fetch(i);
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint64_t hash = hashes[i % kAhead];
      if (i + kAhead < n) fetch(i + kAhead);
      out[i] = row_of<Line>(ids[i], hash);
    }
  });
}

void ArtifactView::lookup_second(std::span<const Id> ids, std::span<Row> out) const {
  REMAPD_CHECK(out.size() == ids.size(), "one row for each id");
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const bool two = info_.fallback.ways == 2 && !contains(ids[i]);
    out[i] = two ? info_.fallback.second_row(ids[i]) : kNoRow;
  }
}

bool ArtifactView::contains(Id id) const {
  return find(id, mix64(id)).has_value();
}

}  // namespace remapd::mapping
