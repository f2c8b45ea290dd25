// A file descriptor that somebody owns.
#pragma once

#include <utility>

#include <unistd.h>

namespace espat::net {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  /// Takes it over.
  explicit FileDescriptor(int number) : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~FileDescriptor() { reset(); }

  /// -1 if there is none.
  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  /// The caller closes it.
  int release() { return std::exchange(number_, -1); }
  void reset(int number = -1) {
    if (number_ >= 0) ::close(number_);
    number_ = number;
  }

 private:
  int number_ = -1;
};

}  // namespace espat::net
