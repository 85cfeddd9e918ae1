#pragma once

#include "iscsid/session/condition.hpp"

#include <boost/asio/awaitable.hpp>

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace iscsid::session {

struct discovery_plan;

// Who needs the registrations of this daemon with iSNS servers: watches for long, questions for as
// long as they take. A registration is one entity for all of them, so the last one takes it back.
//
// Lives on the control thread.
class isns_registrations {
  public:
    // A server, as its record names it, and an initiator.
    struct key {
        std::string host;
        std::uint16_t port = 0;
        std::string initiator;

        friend auto operator<=>(const key&, const key&) = default;
    };

    explicit isns_registrations(boost::asio::any_io_executor control)
        : changed_(std::move(control)) {}

    // Until each watch of it has tried once to register, or the limit is over.
    boost::asio::awaitable<void> wait_for_first_try(key which, iscsi::duration limit);

  private:
    friend class isns_need;

    struct needs {
        int all = 0;
        int untried = 0; // watches that have not tried yet
    };

    std::map<key, needs> of_;
    condition changed_;
};

// One need, of the registration that the plan is about; it ends with end(), or with the object. A
// plan without a table knows of no other one.
class isns_need {
  public:
    enum class whose : bool { question, watch };

    isns_need(const discovery_plan& plan, whose which);

    ~isns_need() { end(); }

    isns_need(const isns_need&) = delete;
    isns_need& operator=(const isns_need&) = delete;

    // Of a watch: its first try is over, whatever has come of it.
    void has_tried();

    // Whether nobody else needs it: then it is to be taken back.
    bool end();

  private:
    std::shared_ptr<isns_registrations> among_;
    isns_registrations::key key_;
    bool untried_ = false;
    bool ended_ = false;
};

// The registration that a plan is about.
isns_registrations::key registration_of(const discovery_plan& plan);

} // namespace iscsid::session
