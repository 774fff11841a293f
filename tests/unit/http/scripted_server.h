// An HTTP server that does what a test says, byte for byte: one connection, one request, one
// answer.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

namespace remapd::http {

class ScriptedServer {
 public:
  // Given the head of a request, what is sent before the connection is closed.
  using Answer = std::function<std::string(const std::string& request)>;

  explicit ScriptedServer(Answer answer) : answer_(std::move(answer)) {
    acceptor_ = {io_, {boost::asio::ip::make_address("127.0.0.1"), 0}};
    port_ = acceptor_.local_endpoint().port();
    thread_ = std::thread([this] { serve(); });
  }
  ~ScriptedServer() {
    stop();
    thread_.join();
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }
  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  static std::string response(int status, const std::string& body,
                              const std::string& headers = {}) {
    return fmt::format("HTTP/1.1 {} Said\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n{}",
                       status, body.size(), headers, body);
  }
  // Of which only the first `sent` bytes of the body come.
  static std::string broken_off(int status, const std::string& body, std::size_t sent,
                                const std::string& headers = {}) {
    const std::string whole = response(status, body, headers);
    return whole.substr(0, whole.size() - body.size() + sent);
  }

 private:
  void serve() {
    for (;;) {
      boost::system::error_code error;
      boost::asio::ip::tcp::socket socket(io_);
      acceptor_.accept(socket, error);
      if (error || stopped_) return;
      std::string request;
      boost::asio::read_until(socket, boost::asio::dynamic_buffer(request), "\r\n\r\n", error);
      if (error) continue;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      boost::asio::write(socket, boost::asio::buffer(answer_(request)), error);
      socket.shutdown(boost::asio::ip::tcp::socket::shutdown_both, error);
    }
  }
  void stop() {
    stopped_ = true;
    boost::system::error_code error;
    boost::asio::ip::tcp::socket knock(io_);
    knock.connect({boost::asio::ip::make_address("127.0.0.1"), port_}, error);
  }

  Answer answer_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_{io_};
  std::uint16_t port_ = 0;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace remapd::http
