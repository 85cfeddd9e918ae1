#pragma once

#include "iscsid/session/environment.hpp"

#include <boost/asio/awaitable.hpp>

#include <set>
#include <string>

namespace iscsid::session {

// The LUNs of one session that a user has had detached: they get no disk before somebody asks for
// it, and neither do they with the next daemon where disks outlive this one. Lives on the control
// thread; what it notes for the next daemon is written on a worker.
class detached_luns {
  public:
    detached_luns(const environment& with, lane::session_key sid) : with_(with), sid_(sid) {}

    // Of an earlier daemon.
    void inherit(std::set<std::uint64_t> numbers) { numbers_ = std::move(numbers); }

    bool has(std::uint64_t number) const { return numbers_.contains(number); }

    const std::set<std::uint64_t>& all() const { return numbers_; }

    // What could not be noted for the next daemon, "" if all is well; for this one it holds anyway.
    boost::asio::awaitable<std::string> add(std::uint64_t number);

    boost::asio::awaitable<void> remove(std::uint64_t number);

    boost::asio::awaitable<void> clear();

  private:
    bool is_noted() const;

    const environment& with_;
    lane::session_key sid_;
    std::set<std::uint64_t> numbers_;
};

} // namespace iscsid::session
