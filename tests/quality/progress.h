// One line on stderr that says how far a long run is; nothing when stderr is not a terminal.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace remapd::quality {

class Progress {
 public:
  Progress();
  ~Progress();  // clears the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // What is being done, until the next call.
  void begin(std::string what);
  // Shows "what: detail"; at most ten times a second, and then detail() is not even called.
  void show(const std::function<std::string()>& detail);
  // Clears the line, so that a result can be printed.
  void clear();

 private:
  bool terminal_;
  bool shown_ = false;
  std::string what_;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace remapd::quality
