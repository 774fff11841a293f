// Over real sockets on loopback.
#include "daemon/admin/server.h"

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

namespace remapd::admin {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

class Connection {
 public:
  explicit Connection(std::uint16_t port) : socket_(io_) {
    socket_.connect({asio::ip::make_address("127.0.0.1"), port});
  }
  void send(const std::string& bytes) { asio::write(socket_, asio::buffer(bytes)); }
  // One response with a Content-Length; `has_body` false for those to HEAD.
  std::string response(bool has_body = true) {
    while (buffer_.find("\r\n\r\n") == std::string::npos) {
      if (!more()) return std::exchange(buffer_, {});
    }
    std::size_t size = buffer_.find("\r\n\r\n") + 4;
    const std::size_t field = buffer_.find("Content-Length: ");
    if (has_body && field < size) size += std::stoul(buffer_.substr(field + 16));
    while (buffer_.size() < size) {
      if (!more()) break;
    }
    const std::string out = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return out;
  }
  // Whether this comes.
  bool wait_for(const std::string& text) {
    while (buffer_.find(text) == std::string::npos) {
      if (!more()) return false;
    }
    return true;
  }
  // Everything until the server closes.
  std::string rest() {
    while (more()) {
    }
    return std::exchange(buffer_, {});
  }

 private:
  bool more() {
    char bytes[4096];
    boost::system::error_code error;
    const std::size_t count = socket_.read_some(asio::buffer(bytes), error);
    if (error) return false;
    buffer_.append(bytes, count);
    return true;
  }

  asio::io_context io_;
  tcp::socket socket_;
  std::string buffer_;
};

class ServerTest : public testing::Test {
 protected:
  ServerTest() : log_({.level = config::LogLevel::kError}) {
    settings_.listen = "127.0.0.1:0";
    settings_.header_timeout = 300ms;
    settings_.max_connections = 8;
    settings_.max_body_bytes = 100;
  }
  ~ServerTest() override {
    if (server_) server_->stop();
    for (std::thread& thread : threads_) thread.join();
  }

  void start() {
    Router router;
    router.add(Method::kGet, "/hello", [](const Request&, const Respond& respond) {
      respond({.content_type = "text/plain", .body = "hello"});
    });
    router.add(Method::kPost, "/echo", [](const Request& request, const Respond& respond) {
      respond({.content_type = "text/plain", .body = request.body});
    });
    router.add(Method::kGet, "/later", [this](const Request&, Respond respond) {
      threads_.emplace_back([respond = std::move(respond)] {
        std::this_thread::sleep_for(50ms);
        respond({.content_type = "text/plain", .body = "later"});
      });
      ++asked_later_;
    });
    router.add(Method::kGet, "/blob", [](const Request&, const Respond& respond) {
      Response response;
      const std::string content(8 << 20, 'x');
      const ByteView bytes = as_bytes(content);
      response.blob = std::make_shared<mapping::OwnedBlob>(Bytes(bytes.begin(), bytes.end()));
      response.part = response.blob->view().subspan(1);
      respond(std::move(response));
    });
    router.add(Method::kGet, "/events", [this](const Request&, const Respond& respond) {
      Response response;
      response.content_type = "text/event-stream";
      // Far more than the kernel buffers between the two.
      response.next_events = [this] {
        ++events_;
        return "data: " + std::string(event_size_, 'x') + "\n\n";
      };
      respond(std::move(response));
    });
    auto server = AdminServer::create(settings_, std::move(router), log_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    server_->start();
  }
  Connection connect() { return Connection(server_->port()); }

  config::Admin settings_;
  logging::Logger log_;
  std::vector<std::thread> threads_;  // the server's, until it is stopped
  std::atomic<int> asked_later_{0};
  std::atomic<int> events_{0};
  std::size_t event_size_ = 1;
  std::unique_ptr<AdminServer> server_;
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(ServerTest, KeepsConnectionsAndAnswersOneAfterAnother) {
  start();
  Connection connection = connect();
  connection.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(connection.response().ends_with("\r\n\r\nhello"));
  EXPECT_TRUE(connection.response().ends_with("\r\n\r\nlater"));
  connection.send("HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string head = connection.rest();
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n")) << head;
  EXPECT_TRUE(has(head, "Content-Length: 5\r\n")) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
}

TEST_F(ServerTest, TellsBrowsersToBeCareful) {
  start();
  Connection connection = connect();
  connection.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string response = connection.response();
  EXPECT_TRUE(has(response, "Content-Security-Policy: default-src 'none'\r\n")) << response;
  EXPECT_TRUE(has(response, "X-Content-Type-Options: nosniff\r\n")) << response;
}

TEST_F(ServerTest, TakesBodiesUpToItsBound) {
  start();
  Connection connection = connect();
  connection.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_TRUE(connection.response().ends_with("\r\n\r\nabc"));
  connection.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n");
  EXPECT_TRUE(has(connection.rest(), "413 Payload Too Large"));
}

TEST_F(ServerTest, RefusesWhatIsNotHttp) {
  start();
  Connection garbage = connect();
  garbage.send("\x16\x03\x01 tls?\r\n\r\n");
  EXPECT_TRUE(has(garbage.rest(), "400 Bad Request"));
  Connection large = connect();
  large.send("GET /hello HTTP/1.1\r\nX-Large: " + std::string(17 << 10, 'a') + "\r\n\r\n");
  EXPECT_TRUE(has(large.rest(), "431 Request Header Fields Too Large"));
  Connection target = connect();
  target.send("GET /% HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(has(target.response(), "400 Bad Request"));
}

TEST_F(ServerTest, ClosesConnectionsThatDoNotFinishTheirHead) {
  start();
  Connection slow = connect();
  slow.send("GET /hello HTTP/1.1\r\nHo");
  EXPECT_EQ(slow.rest(), "");  // returns because the server closed it
}

TEST_F(ServerTest, RefusesConnectionsBeyondItsBoundAndRecovers) {
  settings_.header_timeout = 2s;
  start();
  {
    std::vector<std::unique_ptr<Connection>> idle;
    for (int i = 0; i < 8; ++i) {
      idle.push_back(std::make_unique<Connection>(server_->port()));
      idle.back()->send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
      ASSERT_TRUE(idle.back()->response().ends_with("hello"));
    }
    EXPECT_TRUE(has(connect().rest(), "admin.max_connections"));
  }
  for (int attempt = 0; attempt < 100; ++attempt) {  // until it has seen them go
    Connection connection = connect();
    connection.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    if (connection.response().ends_with("hello")) return;
    std::this_thread::sleep_for(20ms);
  }
  FAIL() << "still refused";
}

TEST_F(ServerTest, SendsBlobsWithoutTheirHead) {
  start();
  Connection connection = connect();
  connection.send("GET /blob HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string response = connection.response();
  EXPECT_TRUE(has(response, "Content-Length: 8388607\r\n"));
  EXPECT_EQ(response.size() - response.find("\r\n\r\n") - 4, 8'388'607U);
  connection.send("HEAD /blob HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(has(connection.response(false), "Content-Length: 8388607\r\n"));
  connection.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(connection.response().ends_with("hello"));
}

TEST_F(ServerTest, SendsEventsUntilTheClientGoes) {
  start();
  {
    Connection connection = connect();
    connection.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string head = connection.response();
    EXPECT_TRUE(has(head, "Content-Type: text/event-stream\r\n")) << head;
    EXPECT_TRUE(has(head, "Cache-Control: no-store\r\n")) << head;
    EXPECT_FALSE(has(head, "Content-Length")) << head;
    EXPECT_TRUE(connection.wait_for("data: x\n\ndata: x\n\n"));
  }
  Connection other = connect();
  other.send("HEAD /events HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(has(other.rest(), "text/event-stream"));
}

TEST_F(ServerTest, HangsUpOnAReaderThatDoesNotTakeItsEvents) {
  event_size_ = 64 << 20;
  start();
  Connection connection = connect();
  connection.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  while (events_ == 0) std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(600ms);  // twice the time out
  EXPECT_LT(connection.rest().size(), event_size_);
  EXPECT_EQ(events_, 1);  // nothing more was made for it
}

TEST_F(ServerTest, FinishesAnswersWhenStopped) {
  start();
  Connection connection = connect();
  connection.send("GET /later HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  while (asked_later_ == 0) std::this_thread::sleep_for(1ms);
  server_->stop();
  EXPECT_TRUE(connection.rest().ends_with("later"));
}

TEST_F(ServerTest, ATakenPortIsAnErrorThatNamesTheKey) {
  start();
  config::Admin other = settings_;
  other.listen = "127.0.0.1:" + std::to_string(server_->port());
  const auto second = AdminServer::create(other, Router{}, log_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConfig);
  EXPECT_TRUE(has(second.error().message, "admin.listen")) << second.error().message;
}

}  // namespace
}  // namespace remapd::admin
