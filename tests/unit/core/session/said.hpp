#pragma once

#include "tests/unit/core/session/peer.hpp"

// PDUs of a target, in the fewest words.
namespace iscsi::test {

inline scsi_response answer(std::uint32_t tag, std::uint8_t status = 0) {
    scsi_response pdu;
    pdu.initiator_task_tag = tag;
    pdu.status = status;
    return pdu;
}

inline data_in data_at(std::uint32_t tag, std::uint32_t sn, std::uint32_t offset) {
    data_in pdu;
    pdu.initiator_task_tag = tag;
    pdu.data_sn = sn;
    pdu.buffer_offset = offset;
    return pdu;
}

inline data_in last_data_at(std::uint32_t tag, std::uint32_t sn, std::uint32_t offset) {
    auto pdu = data_at(tag, sn, offset);
    pdu.final = pdu.has_status = true;
    return pdu;
}

inline r2t ask(std::uint32_t tag, std::uint32_t sn, std::uint32_t offset, std::uint32_t length) {
    r2t pdu;
    pdu.initiator_task_tag = tag;
    pdu.target_transfer_tag = 0x7700 + sn;
    pdu.r2t_sn = sn;
    pdu.buffer_offset = offset;
    pdu.desired_data_transfer_length = length;
    return pdu;
}

inline boost::system::error_code code(session_errc value) {
    return to_error_code(value);
}

// A target to which a session is logged in.
struct logged_in_peer : peer {
    explicit logged_in_peer(
        const session_config& config = plain_config(),
        const std::map<std::string, std::string>& answers = {}
    )
        : peer(config) {
        for (const auto& [key, value] : answers)
            keys[key] = value;
        start_session();
        expect_event<logged_in>();
    }

    task_id submit(const command& what) { return session_under_test.submit(what, now).value(); }
};

// One read of `size` bytes that the target has heard.
struct one_read : logged_in_peer {
    explicit one_read(
        std::size_t size,
        const session_config& config = plain_config(),
        const std::map<std::string, std::string>& answers = {}
    )
        : logged_in_peer(config, answers), room(size), tag(submit(read_command(room))) {
        hear_one<scsi_command>();
    }

    buffer room;
    task_id tag;
};

// 40 reads of the units 0 + i × step are out, and all of them are to be aborted.
struct peer_with_40_aborts : logged_in_peer {
    peer_with_40_aborts(session_config config, std::uint8_t step)
        : logged_in_peer(with_room_for_40(std::move(config))) {
        for (std::uint8_t i = 0; i < 40; ++i) {
            auto what = read_command(room);
            what.lun = {std::byte{0}, static_cast<std::byte>(i * step)};
            tags.push_back(submit(what));
        }
        hear();
        for (const auto tag : tags)
            session_under_test.abort(tag, now);
    }

    static session_config with_room_for_40(session_config config) {
        config.commands_max = 40;
        return config;
    }

    buffer room = buffer(4);
    std::vector<task_id> tags;
};

} // namespace iscsi::test
