#include "board.hpp"

#include "firmware.hpp"

namespace sim {

Board::Board(asio::any_io_executor executor, const Dialect& which, World surroundings, Nvs& flash, Line& wire,
             unsigned rate, std::uint64_t seed)
    : dialect(which),
      world(std::move(surroundings)),
      nvs(flash),
      line(wire),
      air(executor, *this),
      random(seed),
      executor_(std::move(executor)),
      first_rate_(rate) {}

Board::~Board() = default;

UartSettings Board::default_uart() const {
  UartSettings uart;
  uart.rate = first_rate_;
  uart.flow_control = dialect.default_flow_control;
  const auto& settings = nvs.settings();
  if (const auto saved = settings.find("uart"); saved != settings.end() && saved->size() == 5)
    uart = {saved->at(0), saved->at(1), saved->at(2), saved->at(3), saved->at(4)};
  return uart;
}

void Board::boot() {
  ++boots;
  UartSettings uart = default_uart();
  if (faults.wrong_rate != 0) uart.rate = std::exchange(faults.wrong_rate, 0);
  line.configure(uart);
  firmware_ = std::make_shared<Firmware>(*this);
  firmware_->start();
}

void Board::restart() {
  if (!firmware_) return;
  const auto old = std::move(firmware_);
  old->stop();
  line.clear();
  boot();
}

void Board::stop() {
  air.stop();
  if (firmware_) firmware_->stop();
  line.stop();
}

void Board::bury(asio::ip::tcp::socket socket) {
  if (!socket.is_open()) return;
  auto body = std::make_shared<asio::ip::tcp::socket>(std::move(socket));
  boost::system::error_code ignored;
  body->cancel(ignored);
  body->set_option(asio::socket_base::linger(true, 0), ignored);
  body->async_wait(body->wait_read, [body](boost::system::error_code) {
    boost::system::error_code none;
    body->close(none);
  });
}

bool Board::is_local(const asio::ip::address& address) {
  if (address.is_unspecified()) return false;
  boost::system::error_code error;
  asio::io_context context;
  asio::ip::udp::socket probe(context);
  probe.open(address.is_v4() ? asio::ip::udp::v4() : asio::ip::udp::v6(), error);
  if (!error) probe.bind({address, 0}, error);
  return !error;
}

bool Board::is_local(const std::string& address) {
  boost::system::error_code error;
  const auto parsed = asio::ip::make_address(address, error);
  return !error && is_local(parsed);
}

}  // namespace sim
