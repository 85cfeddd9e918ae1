#pragma once

#include <unistd.h>

#include <utility>

namespace iscsid::os {

// Owns an open file descriptor.
class descriptor {
  public:
    descriptor() = default;

    explicit descriptor(int number) : number_(number) {}

    descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}

    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }

    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;

    ~descriptor() { close(); }

    explicit operator bool() const { return number_ >= 0; }

    int number() const { return number_; }

    void close() {
        if (number_ >= 0)
            ::close(std::exchange(number_, -1));
    }

  private:
    int number_ = -1;
};

} // namespace iscsid::os
