espat_fuzz(packet_fuzz packet_fuzz.cpp LIBRARIES espat_net CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/packet)
set(unit_net ${CMAKE_CURRENT_SOURCE_DIR}/../unit/net)
espat_fuzz(translator_fuzz translator_fuzz.cpp ${unit_net}/fake_channel.cpp ${unit_net}/translator_world.cpp
  LIBRARIES espat_net CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/translator)
foreach(program translator_fuzz_corpus translator_fuzz)
  if(TARGET ${program})
    target_include_directories(${program} PRIVATE ${unit_net})
  endif()
endforeach()
