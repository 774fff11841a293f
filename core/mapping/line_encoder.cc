// Lines are filled in pieces, in parallel, as if one after another.
#include "core/mapping/line_encoder.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "core/base/huge_pages.h"
#include "core/base/parallel.h"
#include "core/mapping/artifact_assembly.h"
#include "core/mapping/artifact_format.h"
#include "core/mapping/entry_groups.h"

namespace remapd::mapping {
namespace {

using namespace format;  // NOLINT(google-build-using-namespace): this file implements the format

constexpr std::size_t kMaxPieces = 1'024;
constexpr std::uint32_t kLeastShift = 10;  // lines of a piece, binary logarithm

template <class Line>
class Encoder {
 public:
  Encoder(const Mapping& mapping, std::uint64_t content_hash, std::uint32_t layout)
      : mapping_(mapping),
        content_hash_(content_hash),
        row_bits_(row_bits_for(mapping.info.rows)),
        layout_(layout),
        home_lines_(static_cast<std::uint32_t>(
            std::max(1.0, static_cast<double>(mapping.ids.size()) / (kLoad * Line::kSlots) + 1))),
        shift_(kLeastShift) {
    while ((home_lines_ - 1) >> shift_ >= kMaxPieces) ++shift_;
    pieces_.resize(((home_lines_ - 1) >> shift_) + 1);
  }

  Bytes encode() && {
    const std::size_t header = header_bytes(mapping_.info);
    out_.reserve(header + (std::size_t{home_lines_} + 64) * kLineBytes);
    advise_huge_pages(out_.data(), out_.capacity());
    out_.resize(header + std::size_t{home_lines_} * kLineBytes);
    // Lines, and so pieces, follow the hash.
    EntryGroups groups(mapping_, pieces_.size(), mix64,
                       [this](std::uint64_t hash) { return home_of(hash) >> shift_; });
    for (std::size_t p = 0; p < pieces_.size(); ++p) {
      pieces_[p].first_line = static_cast<std::uint32_t>(p << shift_);
      pieces_[p].last_line = std::min(home_lines_, static_cast<std::uint32_t>((p + 1) << shift_));
      pieces_[p].entries = groups.of(p);
    }
    parallel_pieces(pieces_.size(), [this](std::size_t p) {
      sort_piece(pieces_[p]);
      fill(pieces_[p], {}, false);
    });
    join_pieces();
    std::vector<Exception> exceptions;
    for (const Piece& piece : pieces_) {
      for (const Hidden& hidden : piece.hidden) {
        std::byte* home = line_at(home_of(hidden.entry.hash));
        set_flags(home, flags(home) | kExceptions);
        exceptions.push_back({unmix64(hidden.entry.hash), hidden.entry.row});
      }
    }
    return assemble_lines(
        {.info = mapping_.info,
         .ids = mapping_.ids.size(),
         .content_hash = content_hash_,
         .shape = LineShape{.layout = layout_, .row_bits = row_bits_, .home_lines = home_lines_}},
        std::move(out_), std::move(exceptions));
  }

 private:
  using Entry = HashedEntry;
  // An entry that another one's fingerprint would hide in the line.
  struct Hidden {
    Entry entry;
    std::uint32_t line;
  };
  // A stretch of home lines.
  struct Piece {
    std::uint32_t first_line = 0;
    std::uint32_t last_line = 0;  // behind it
    std::span<Entry> entries;
    std::vector<Hidden> hidden;
    std::vector<Entry> carried;  // what did not fit any more
  };

  std::uint32_t home_of(std::uint64_t hash) const { return reduce(hash, home_lines_); }
  std::byte* line_at(std::uint32_t line) {
    return out_.data() + header_bytes(mapping_.info) + std::size_t{line} * kLineBytes;
  }

  // By hash: first by line (counting sort), then the few of each line.
  void sort_piece(const Piece& piece) {
    const std::span<Entry> entries = piece.entries;
    const std::uint32_t lines = piece.last_line - piece.first_line;
    std::vector<std::uint32_t> next(std::size_t{lines} + 1, 0);
    for (const Entry& entry : entries) ++next[home_of(entry.hash) - piece.first_line + 1];
    for (std::size_t l = 0; l < lines; ++l) next[l + 1] += next[l];
    std::vector<Entry> by_line(entries.size());
    for (const Entry& entry : entries) {
      const std::uint32_t line = home_of(entry.hash) - piece.first_line;
      by_line[next[line]++] = entry;
    }
    for (std::size_t l = 0, begin = 0; l < lines; begin = next[l++]) {
      std::sort(by_line.begin() + static_cast<std::ptrdiff_t>(begin),
                by_line.begin() + static_cast<std::ptrdiff_t>(next[l]),
                [](const Entry& a, const Entry& b) { return a.hash < b.hash; });
    }
    std::copy(by_line.begin(), by_line.end(), entries.begin());
  }

  // The same content gives the same bytes: each line gets what the line before could not hold, then
  // its own entries by hash. Filled `again`, with other entries carried into it, a piece is as it
  // was from the first line on that sends nothing to the next one either way.
  void fill(Piece& piece, std::vector<Entry> carried, bool again) {
    std::vector<Entry> next;
    std::vector<Hidden> hidden;
    std::size_t at = 0;
    for (std::uint32_t l = piece.first_line; l < piece.last_line; ++l) {
      std::byte* line = line_at(l);
      const bool ended_here = again && (flags(line) & kOverflow) == 0;
      if (again) std::memset(line, 0, kLineBytes);
      next.clear();
      for (const Entry& entry : carried) place(line, l, entry, next, hidden);
      for (; at < piece.entries.size() && home_of(piece.entries[at].hash) == l; ++at) {
        place(line, l, piece.entries[at], next, hidden);
      }
      if (!next.empty()) set_flags(line, flags(line) | kOverflow);
      std::swap(carried, next);
      if (ended_here && carried.empty()) {
        for (const Hidden& other : piece.hidden) {
          if (other.line > l) hidden.push_back(other);
        }
        piece.hidden = std::move(hidden);
        return;
      }
    }
    piece.hidden = std::move(hidden);
    piece.carried = std::move(carried);
  }

  void place(std::byte* line, std::uint32_t index, const Entry& entry, std::vector<Entry>& next,
             std::vector<Hidden>& hidden) const {
    const Line access(entry.hash, row_bits_);
    if (access.find(line) >= 0) {
      hidden.push_back({entry, index});
      return;
    }
    const std::uint32_t f = flags(line);
    const std::uint32_t count = f & kCountMask;
    if (count == Line::kSlots) {
      next.push_back(entry);
      return;
    }
    access.put(line, static_cast<int>(count), entry.row);
    set_flags(line, f + 1);
  }

  // Hands on what pieces could not hold, the last one's to lines behind the home lines.
  void join_pieces() {
    for (std::size_t p = 0; p + 1 < pieces_.size(); ++p) {
      if (!pieces_[p].carried.empty()) fill(pieces_[p + 1], pieces_[p].carried, true);
    }
    Piece& last = pieces_.back();
    std::vector<Entry> next;
    for (std::uint32_t l = home_lines_; !last.carried.empty(); ++l) {
      out_.resize(out_.size() + kLineBytes);
      next.clear();
      for (const Entry& entry : last.carried) place(line_at(l), l, entry, next, last.hidden);
      if (!next.empty()) set_flags(line_at(l), flags(line_at(l)) | kOverflow);
      std::swap(last.carried, next);
    }
  }

  const Mapping& mapping_;
  std::uint64_t content_hash_;
  std::uint32_t row_bits_;
  std::uint32_t layout_;
  std::uint32_t home_lines_;
  std::uint32_t shift_;
  std::vector<Piece> pieces_;
  Bytes out_;  // room for the header, and the lines
};

}  // namespace

Bytes encode_lines(const Mapping& mapping, std::uint64_t content_hash) {
  const std::uint32_t layout = layout_for(row_bits_for(mapping.info.rows));
  return with_line(
      layout, [&]<class Line>() { return Encoder<Line>(mapping, content_hash, layout).encode(); });
}

}  // namespace remapd::mapping
