#include "ble_ether.hpp"

#include <filesystem>
#include <stdexcept>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "firmware.hpp"

namespace sim {

using nlohmann::json;
using Protocol = asio::local::stream_protocol;

namespace {

/// Held while a simulator opens its socket and looks for the others, so that every pair meets once.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::string& directory)
      : descriptor_(::open((directory + "/lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)) {
    if (descriptor_ < 0 || ::flock(descriptor_, LOCK_EX) != 0)
      throw std::runtime_error(directory + ": cannot be used as ether");
  }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  ~DirectoryLock() { ::close(descriptor_); }

 private:
  int descriptor_;
};

}  // namespace

Ether::Ether(Board& board, const std::string& directory) : board_(board), acceptor_(board.executor()) {
  std::filesystem::create_directories(directory);
  const DirectoryLock lock(directory);
  path_ = directory + "/" + std::to_string(::getpid()) + ".radio";
  std::filesystem::remove(path_);
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != ".radio") continue;
    Protocol::socket socket(board.executor());
    boost::system::error_code error;
    socket.connect(Protocol::endpoint(entry.path().string()), error);
    if (error)
      std::filesystem::remove(entry.path());  // left by one that was killed
    else
      add(std::move(socket));
  }
  acceptor_.open();
  acceptor_.bind(Protocol::endpoint(path_));
  acceptor_.listen();
  asio::co_spawn(board.executor(), accept(), asio::detached);
}

void Ether::stop() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  std::error_code missing;
  std::filesystem::remove(path_, missing);
  for (const auto& neighbour : neighbours_) neighbour->close();
}

Task<void> Ether::accept() {
  while (acceptor_.is_open()) {
    auto [error, socket] = co_await acceptor_.async_accept(as_result);
    if (error) co_return;
    add(std::move(socket));
  }
}

void Ether::add(Neighbour::Socket socket) {
  const auto neighbour = std::make_shared<Neighbour>(*this, board_, std::move(socket));
  neighbours_.push_back(neighbour);
  asio::co_spawn(board_.executor(), neighbour->run(), asio::detached);
  const json range = {{"range", range_}};
  neighbour->send(range);
  neighbour->send(advertise());
}

void Ether::remove(const Neighbour* gone) {
  std::erase_if(neighbours_, [&](const auto& neighbour) { return neighbour.get() == gone; });
}

std::string Ether::new_link() {
  return std::to_string(::getpid()) + "-" + std::to_string(++count_);
}

json Ether::advertise() const {
  const Advertisement* own = board_.firmware() == nullptr ? nullptr : board_.firmware()->bluetooth.advertisement();
  if (own == nullptr) return {{"advertise", nullptr}};
  return {{"advertise",
           {{"address", own->address},
            {"type", own->address_type},
            {"data", gatt::to_hex(own->data)},
            {"response", gatt::to_hex(own->response)},
            {"rssi", own->rssi},
            {"connectable", own->connectable},
            {"scannable", own->scannable},
            {"interval", own->interval.count()}}}};
}

void Ether::announce() const {
  for (const auto& neighbour : neighbours_) neighbour->send(advertise());
}

void Ether::set_range(bool on) {
  range_ = on;
  for (const auto& neighbour : neighbours_) {
    const json range = {{"range", on}};
    neighbour->send(range);
    neighbour->tell_links_of_range();
  }
  board_.air.changed.notify();
}

Neighbour::Neighbour(Ether& ether, Board& board, Socket socket)
    : ether_(ether), board_(board), socket_(std::move(socket)), answered_(board.executor()) {}

bool Neighbour::in_range() const {
  return !gone_ && heard_ && ether_.range();
}

const Advertisement* Neighbour::advertisement() const {
  return in_range() && advertisement_ ? &*advertisement_ : nullptr;
}

Task<std::shared_ptr<Far>> Neighbour::connect(Firmware& firmware, BleCaller caller) {
  const std::string link = ether_.new_link();
  const json call = {
      {"connect", link}, {"to", advertisement_->address}, {"from", caller.address}, {"type", caller.address_type}};
  co_await firmware.sleep(advertisement_->interval);
  // Known before it is accepted: the answer may be followed at once by what comes over it.
  auto far = std::make_shared<EtherFar>(shared_from_this(), link);
  links[link] = far;
  send(call);
  while (in_range() && !accepted_.contains(link)) co_await firmware.wait(answered_);
  const bool accepted = accepted_[link];
  accepted_.erase(link);
  if (accepted) co_return far;
  links.erase(link);
  co_return nullptr;
}

Task<void> Neighbour::run() {
  const auto self = shared_from_this();
  std::string waiting;
  for (;;) {
    const auto [error, size] = co_await asio::async_read_until(socket_, asio::dynamic_buffer(waiting), '\n', as_result);
    if (error) break;
    take(json::parse(waiting.substr(0, size)));
    waiting.erase(0, size);
  }
  gone_ = true;
  answered_.notify();
  tell_links_of_range();
  ether_.remove(this);
  board_.air.changed.notify();
}

void Neighbour::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Neighbour::send(const json& message) {
  if (gone_) return;
  queue_.push_back(message.dump() + "\n");
  if (std::exchange(flushing_, true)) return;
  asio::co_spawn(board_.executor(), flush(), asio::detached);
}

Task<void> Neighbour::flush() {
  const auto self = shared_from_this();
  while (!queue_.empty() && socket_.is_open()) {
    const std::string line = std::move(queue_.front());
    queue_.pop_front();
    const auto [error, size] = co_await asio::async_write(socket_, asio::buffer(line), as_result);
    if (error) break;
  }
  flushing_ = false;
}

void Neighbour::tell_links_of_range() {
  const auto all = links;  // one may go meanwhile
  for (const auto& [name, far] : all) board_.firmware()->bluetooth.range_changed(far.get());
}

void Neighbour::take(const json& message) {
  if (message.contains("advertise")) {
    const json& own = message.at("advertise");
    advertisement_.reset();
    if (!own.is_null())
      advertisement_ = Advertisement{.address = own.at("address"),
                                     .address_type = own.at("type"),
                                     .data = gatt::from_hex(own.at("data").get<std::string>()).value_or(""),
                                     .response = gatt::from_hex(own.at("response").get<std::string>()).value_or(""),
                                     .rssi = own.at("rssi"),
                                     .connectable = own.at("connectable"),
                                     .scannable = own.at("scannable"),
                                     .interval = Milliseconds(own.at("interval").get<int>())};
    board_.air.changed.notify();
  } else if (message.contains("range")) {
    heard_ = message.at("range");
    answered_.notify();
    tell_links_of_range();
    board_.air.changed.notify();
  } else if (message.contains("connect")) {
    take_connect(message);
  } else if (message.contains("accept")) {
    accepted_[message.at("accept")] = message.at("ok").get<bool>();
    answered_.notify();
  } else {
    take_link(message);
  }
}

void Neighbour::take_connect(const json& message) {
  const std::string name = message.at("connect");
  auto& bluetooth = board_.firmware()->bluetooth;
  auto far = std::make_shared<EtherFar>(shared_from_this(), name);
  const BleCaller caller{message.at("from"), message.at("type"), {}};
  const bool ok = in_range() && message.at("to") == bluetooth.address() && bluetooth.accept(far, caller) != nullptr;
  if (ok) links[name] = far;
  const json answer = {{"accept", name}, {"ok", ok}};
  send(answer);
}

}  // namespace sim
