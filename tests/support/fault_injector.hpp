#pragma once

#include "tests/support/fault_script.hpp"
#include "tests/support/memory_disk.hpp"
#include "tests/support/pdu_stream.hpp"

namespace iscsi::test {

// Does what a fault script says to the PDUs of a target, on all of its connections.
class fault_injector {
  public:
    explicit fault_injector(std::vector<fault_rule> rules) : rules_(std::move(rules)) {}

    struct outcome {
        std::vector<std::byte> bytes;       // to be sent
        std::chrono::milliseconds stall{0}; // but only then
        std::vector<std::uint8_t> messages; // events to be told behind it
        bool close = false;                 // afterwards
        bool silence = false;               // and nothing ever again
    };

    // `said` are whole PDUs of one phase; `which` are the digests of full feature phase.
    outcome apply(const std::vector<std::byte>& said, digests which);

    struct verdict {
        bool ignore = false;                // as if it had not come
        bool hold = false;                  // not answer it until it is released
        std::chrono::milliseconds delay{0}; // before it is answered
        std::optional<scsi_answer> answer;  // in place of executing it
        std::optional<std::uint8_t> reject; // it, for this reason
        std::vector<std::uint8_t> messages; // events to be told
        bool close = false;
        bool silence = false;
    };

    // `heard` came from the initiator.
    verdict judge(const raw_pdu& heard);

    bool is_empty() const { return rules_.empty(); }

    void add(const std::vector<fault_rule>& more) {
        rules_.insert(rules_.end(), more.begin(), more.end());
    }

    void clear() { rules_.clear(); }

    void clear(fault_action what) {
        std::erase_if(rules_, [what](const fault_rule& rule) { return rule.what == what; });
    }

    std::uint64_t faults() const { return faults_; }

  private:
    bool apply_to(const raw_pdu& pdu, digests which, outcome& to);
    void do_it(const fault_rule& rule, raw_pdu& pdu, digests which, outcome& to);
    static void add_to(verdict& to, const fault_rule& rule);
    void change_field(const fault_rule& rule, raw_pdu& pdu) const;
    void emit(const raw_pdu& pdu, digests which, outcome& to);

    std::vector<fault_rule> rules_;
    std::vector<std::byte> held_; // by swap
    bool swapping_ = false;
    bool swallowed_ = false;
    std::uint64_t faults_ = 0;
};

} // namespace iscsi::test
