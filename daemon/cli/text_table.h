// A table of text with aligned columns under a header line.
#pragma once

#include <string>
#include <vector>

namespace remapd::cli {

class TextTable {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kRight;
  };

  explicit TextTable(std::vector<Column> columns);

  // One cell for each column.
  void add_row(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }

  // Lines ending in '\n', each indented by `indent` blanks, two blanks between columns, none at the
  // end of a line. Widths count UTF-8 characters.
  std::string to_string(std::size_t indent = 0) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace remapd::cli
