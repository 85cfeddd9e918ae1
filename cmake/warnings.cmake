# One place for how every target is compiled: language level, warnings, hardening.
option(ISCSI_WERROR "Turn warnings into errors" OFF)
option(ISCSI_LINK_TIME "Optimise across the rooms that every request goes through (g++)" OFF)

function(iscsi_target name)
    target_compile_features(${name} PUBLIC cxx_std_20)
    set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF)
    target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
    target_compile_options(${name} PRIVATE
        -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
        -Wnon-virtual-dtor -Woverloaded-virtual -Wformat=2 -Wimplicit-fallthrough -Wswitch-enum
        $<$<BOOL:${ISCSI_WERROR}>:-Werror>)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        target_compile_options(${name} PRIVATE
            -Wuseless-cast -Wcast-align=strict -Wduplicated-cond -Wduplicated-branches
            -Wlogical-op -Wsuggest-override
            # g++ 12 mistakes the frame allocator of Asio's coroutines for a mismatch.
            -Wno-mismatched-new-delete
            # The compiler's own garbage collection below 400 MB is a seventh of a compilation.
            --param=ggc-min-heapsize=400000)
    endif()
    # Where several files are compiled as one, local names of one are seen by the next, and local
    # types are in an included file.
    target_compile_options(${name} PRIVATE
        $<$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>:-Wno-shadow>
        $<$<AND:$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>,$<CXX_COMPILER_ID:GNU>>:-Wno-subobject-linkage>)
    target_compile_definitions(${name} PRIVATE
        $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)
    if(CMAKE_BUILD_TYPE MATCHES "Rel")
        target_compile_options(${name} PRIVATE
            -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
            -fstack-clash-protection -fcf-protection)
        target_link_options(${name} PRIVATE -Wl,-z,relro,-z,now)
    endif()
endfunction()

# A library of one room: iscsi_room(core ALIAS iscsi::core SOURCES … LINK …)
function(iscsi_room name)
    cmake_parse_arguments(ROOM "" "ALIAS" "SOURCES;LINK;LINK_PRIVATE" ${ARGN})
    add_library(${name} STATIC ${ROOM_SOURCES})
    add_library(${ROOM_ALIAS} ALIAS ${name})
    iscsi_target(${name})
    target_link_libraries(${name} PUBLIC ${ROOM_LINK} PRIVATE ${ROOM_LINK_PRIVATE})
endfunction()

# These rooms are optimised together when a program is linked: a fifth of the instructions of a
# request. For all rooms it would triple the time of the build.
function(iscsi_optimise_together)
    if(NOT ISCSI_LINK_TIME OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        return()
    endif()
    set_target_properties(${ARGN} PROPERTIES INTERPROCEDURAL_OPTIMIZATION ON)
    foreach(name ${ARGN})
        target_link_options(${name} INTERFACE -flto=auto)
    endforeach()
endfunction()

# Files whose local names clash with those of their neighbours: each stays a translation unit of its
# own where several files are compiled as one (CMAKE_UNITY_BUILD of a preset; every test program).
function(iscsi_compile_alone)
    set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()
