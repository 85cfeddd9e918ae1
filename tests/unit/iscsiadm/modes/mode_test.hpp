#pragma once

#include "tests/unit/iscsiadm/modes/fake_daemon.hpp"
#include "tests/unit/iscsiadm/print/golden_sessions.hpp"

#include "iscsiadm/cli/parse.hpp"
#include "iscsiadm/modes/modes.hpp"
#include "iscsiadm/print/json_presenter.hpp"

#include "libiscsi/admin/config.hpp"
#include "libiscsi/admin/record_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace iscsi::cli {

// Keeps what is drawn, and looks away after `looks`.
class fake_display final : public live_display {
  public:
    void draw(const std::vector<std::string>& lines) override { drawn.push_back(lines); }

    bool wait(std::chrono::milliseconds /*how_long*/) override { return drawn.size() < looks; }

    std::size_t looks = 1;
    std::vector<std::vector<std::string>> drawn;
};

// Runs command lines against a record store in a temporary folder and a daemon of the test.
class mode_test : public testing::Test {
  protected:
    struct outcome {
        int code = 0;
        std::string out, err;
    };

    mode_test() {
        std::string name = testing::TempDir() + "iscsiadm-XXXXXX";
        root = ::mkdtemp(name.data());
        where.config_folder = root / "etc";
        where.database = root / "db";
        where.own_database = where.database;
        std::filesystem::create_directories(where.config_folder);
    }

    ~mode_test() override { std::filesystem::remove_all(root); }

    outcome run(const std::vector<std::string>& arguments) {
        const auto line = parse(arguments);
        if (!line) {
            ADD_FAILURE() << line.error().lines.front();
            return {};
        }
        admin::record_store store(where.database);
        std::ostringstream out, err;
        console screen(out, err, line->debug_level, is_terminal);
        text_presenter lines(screen);
        json_presenter document(screen);
        presenter& shown_by = line->json ? static_cast<presenter&>(document) : lines;
        context at{where, store, daemon, screen, shown_by, display};
        at.hints = hints || line->json;
        at.sysfs = root / "sys";
        const int code = static_cast<int>(cli::run(*line, at));
        return {code, out.str(), err.str()};
    }

    // Runs it and expects success with an empty stderr.
    std::string run_well(const std::vector<std::string>& arguments) {
        const outcome got = run(arguments);
        EXPECT_EQ(got.code, 0) << got.err;
        EXPECT_EQ(got.err, "");
        return got.out;
    }

    void add_node(const std::string& target, const std::string& portal = "10.9.9.1:3260,1") {
        run_well({"-m", "node", "-T", target, "-p", portal, "-o", "new"});
    }

    void update(const std::string& target, const std::string& name, const std::string& value) {
        run_well({"-m", "node", "-T", target, "-o", "update", "-n", name, "-v", value});
    }

    void write_config(const std::string& text) const { std::ofstream(where.config_file()) << text; }

    // The value of a key in what `node -T target` shows.
    std::string value_of(const std::string& target, const std::string& name) {
        const std::string shown = run({"-m", "node", "-T", target, "-S"}).out;
        const std::string key = "\n" + name + " = ";
        const auto at = shown.find(key);
        if (at == std::string::npos)
            return "(no such key)";
        const auto start = at + key.size();
        return shown.substr(start, shown.find('\n', start) - start);
    }

    static admin::session_info session_of(const admin::node_id& node, std::uint32_t sid) {
        admin::session_info session = golden_session();
        session.node = node;
        session.sid = sid;
        return session;
    }

    std::filesystem::path root;
    admin::locations where;
    bool hints = false;       // what people are told on a terminal
    bool is_terminal = false; // what stderr is
    fake_daemon daemon;
    fake_display display;
};

inline const std::string t1 = "iqn.2020-01.test:t1";
inline const std::string t2 = "iqn.2020-01.test:t2";

inline admin::node_id node_id_of(const std::string& target, int group_tag = 1) {
    return {target, "10.9.9.1", 3260, group_tag, "default"};
}

} // namespace iscsi::cli
